/** pgvector reads what is written, and writes what is read. */
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import { afterAll, beforeAll, expect, it } from "vitest";
import { copyBlocks } from "../../src/pgvector/copy-items.js";
import { vectorArrayBytes, vectorBytes, vectorOf } from "../../src/pgvector/vector-bytes.js";

let database: PGlite;

beforeAll(async () => {
  database = await PGlite.create({ extensions: { vector } });
  await database.query("create extension vector");
}, 60_000);

afterAll(() => database.close());

const vectors = [Float32Array.of(0.1, -2, 1e-30), Float32Array.of(3.4e38, 0, 1 / 3)];

it("vector_send's bytes", async () => {
  const texts = vectors.map((values) => `[${values.join(",")}]`);
  const sent = await database.query<{ readonly bytes: Uint8Array }>("select vector_send(unnest($1::text[]::vector[])) as bytes", [texts]);
  const bytes = sent.rows.map((row) => row.bytes);
  expect(bytes.map((one) => vectorOf(one))).toEqual(vectors);
  expect(vectors.map((values) => vectorBytes(values))).toEqual(bytes);
  const arrays = await database.query<{ readonly type: number; readonly bytes: Uint8Array }>(
    "select 'vector'::regtype::oid as type, array_send($1::text[]::vector[]) as bytes",
    [texts],
  );
  const [array] = arrays.rows;
  expect(vectorArrayBytes(vectors, Number(array?.type))).toEqual(array?.bytes);
});

it("rows of COPY, in blocks", async () => {
  await database.query("create table items (id text, embedding vector(3), meta jsonb)");
  const items = Array.from({ length: 9000 }, (_, i) => ({
    id: `猫\t${i}`,
    embedding: Float32Array.of(i, 0.1, -i),
    meta: i % 2 === 0 ? { "n\\": i, text: "\n" } : null,
  }));
  const blocks = [...copyBlocks(items)];
  expect(blocks.length).toBeGreaterThan(1);
  await database.query("copy items from '/dev/blob' (format binary)", [], { blob: new Blob(blocks as BlobPart[]) });
  const { rows } = await database.query<{ readonly id: string; readonly bytes: Uint8Array; readonly meta: unknown }>(
    "select id, vector_send(embedding) as bytes, meta from items",
  );
  expect(rows.map(({ id, bytes, meta }) => ({ id, embedding: vectorOf(bytes), meta }))).toEqual(items);
});
