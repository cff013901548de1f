import { describe, expect, it } from "vitest";
import { labJsonSchema } from "../../sim/lab/schema/lab.ts";

type Json = Record<string, unknown>;
const schema = labJsonSchema() as Json;

/** Follows $ref. */
function deref(node: unknown): Json {
  let out = node as Json;
  while (typeof out.$ref === "string") {
    out = out.$ref
      .slice(2)
      .split("/")
      .reduce<Json>((at, key) => at[key] as Json, schema);
  }
  return out;
}

function property(node: unknown, ...path: string[]): Json {
  let at = deref(node);
  for (const key of path) {
    const next = at.properties === undefined ? undefined : (at.properties as Json)[key];
    at = deref(next ?? at.additionalProperties);
  }
  return at;
}

/** The branch of a union that has properties. */
function objectOf(node: Json): Json {
  if (node.properties !== undefined) return node;
  return deref(
    (node.anyOf as Json[]).map(deref).find((n) => n.properties !== undefined || n.additionalProperties !== undefined),
  );
}

describe("the lab's JSON Schema", () => {
  it("has an id and knows every key of a lab", () => {
    expect(schema.$id).toBe("https://netsim.dev/schemas/lab.schema.json");
    const keys = Object.keys(schema.properties as Json);
    for (const key of [
      "name",
      "topology",
      "traffic",
      "timeline",
      "expect",
      "seed",
      "duration",
      "cpu",
      "programs",
      "mgmt",
    ]) {
      expect(keys).toContain(key);
    }
  });

  it("describes every key of nodes and interfaces", () => {
    const node = objectOf(property(schema, "topology", "nodes", "*"));
    const eth = objectOf(property(node, "interfaces", "*"));
    for (const [name, p] of [...Object.entries(node.properties as Json), ...Object.entries(eth.properties as Json)]) {
      expect([name, typeof ((p as Json).description ?? deref(p).description)]).toEqual([name, "string"]);
    }
  });

  it("allows repetition and refuses unknown keys", () => {
    const node = objectOf(property(schema, "topology", "nodes", "*"));
    expect(Object.keys(node.properties as Json)).toEqual(expect.arrayContaining(["count", "for", "<<"]));
    expect(node.additionalProperties).toBe(false);
    const cpus = deref((node.properties as Json).cpus);
    expect(cpus.anyOf).toEqual([
      expect.objectContaining({ type: "integer", minimum: 1, maximum: 256 }),
      { type: "string", pattern: "\\$\\{" },
    ]);
  });

  it("is the same each time", () => {
    expect(JSON.stringify(labJsonSchema())).toBe(JSON.stringify(schema));
  });
});
