/**
 * Which addresses are not of the public internet: IANA's special-purpose registries of IPv4 and IPv6. An image's URL that a stranger chose must not
 * reach what only this machine and its network can reach.
 */
import { BlockList, isIP } from "node:net";

const IPV4: readonly string[] = [
  "0.0.0.0/8", // this network
  "10.0.0.0/8", // private
  "100.64.0.0/10", // shared by a provider's customers
  "127.0.0.0/8", // loopback
  "169.254.0.0/16", // link-local, metadata of clouds
  "172.16.0.0/12", // private
  "192.0.0.0/24", // protocol assignments
  "192.0.2.0/24", // documentation
  "192.88.99.0/24", // 6to4 relays
  "192.168.0.0/16", // private
  "198.18.0.0/15", // benchmarks
  "198.51.100.0/24", // documentation
  "203.0.113.0/24", // documentation
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved, broadcast
];

const IPV6: readonly string[] = [
  "::/96", // unspecified, loopback, IPv4-compatible
  "64:ff9b::/96", // IPv4 behind NAT64
  "64:ff9b:1::/48", // the same, local
  "100::/64", // discarded
  "2001::/23", // Teredo and other protocol assignments
  "2001:db8::/32", // documentation
  "2002::/16", // IPv4 behind 6to4
  "3fff::/20", // documentation
  "5f00::/16", // segment routing
  "fc00::/7", // unique local
  "fe80::/10", // link-local
  "fec0::/10", // site-local
  "ff00::/8", // multicast
];

const blocked: BlockList = new BlockList();
for (const [subnets, family] of [
  [IPV4, "ipv4"],
  [IPV6, "ipv6"],
] as const) {
  for (const subnet of subnets) {
    const [network = "", prefix] = subnet.split("/");
    blocked.addSubnet(network, Number(prefix), family);
  }
}

/**
 * Whether an address is private, loopback, link-local or otherwise not of the public internet. An IPv4 address that is mapped into IPv6 counts as
 * the IPv4 address.
 *
 * @param address - as `node:dns` gives it; what is no address counts as private.
 */
export function isPrivateAddress(address: string): boolean {
  const family = isIP(address);
  // An address with a zone is link-local.
  if (family === 0 || address.includes("%")) return true;
  return blocked.check(address, family === 4 ? "ipv4" : "ipv6");
}
