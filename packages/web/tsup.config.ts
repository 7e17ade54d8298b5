import { defineConfig } from "tsup";
import { base } from "../../tsup.base.js";
import { entry } from "./entries.js";

export default defineConfig({ ...base, entry });
