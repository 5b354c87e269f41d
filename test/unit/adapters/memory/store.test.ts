import { describe } from "vitest";
import { MemoryStore } from "../../../../src/adapters/memory/store.ts";
import { storeContract } from "../../../contract/store.ts";

describe("the store in memory", () => {
  storeContract(() => new MemoryStore());
});
