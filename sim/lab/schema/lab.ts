/** The whole lab file, and its JSON Schema for editors. */
import { z } from "zod";
import type { LabDocument, ProgramDocument, TopologyDocument } from "./document.ts";
import { duration, globals, ignored, list, named, object, oneOf, text, whole } from "./fields.ts";
import { linkSchema } from "./link.ts";
import { nodeSchema } from "./node.ts";
import { expectSchema, timelineSchema } from "./timeline.ts";
import { trafficSchema } from "./traffic.ts";

/** Keys at the top that containerlab has and that do nothing here. */
export const IGNORED_TOP_KEYS = ["prefix", "mgmt", "settings", "debug"] as const;

const topologySchema: z.ZodType<TopologyDocument> = object({
  defaults: nodeSchema.nullable().describe("settings of all nodes").optional(),
  kinds: named(nodeSchema.nullable(), "settings by kind; override defaults").optional(),
  groups: named(nodeSchema.nullable(), "settings by group; override kinds").optional(),
  nodes: named(nodeSchema.nullable(), "hosts and bridges by name; `backend[1-8]` is eight of them").optional(),
  links: list(linkSchema, "what connects them").optional(),
}) as unknown as z.ZodType<TopologyDocument>;

const programSchema = object({
  obj: text("object file, relative to the lab file"),
  globals: globals.optional(),
});

/** The lab file. */
export const labSchema: z.ZodType<LabDocument> = object({
  name: text("name of the lab; default: the file's name").optional(),
  seed: whole(0, 4294967295, "seed of all randomness (default 1)").optional(),
  duration: duration("simulated time of a run (default 1s)").optional(),
  cpu: oneOf(["ideal", "modelled"], "modelled: packets cost CPU time (default); ideal: they cost none").optional(),
  programs: named(
    z
      .union([z.string(), programSchema], { error: "expected an object file or a mapping with obj" })
      .transform((v) => (typeof v === "string" ? { obj: v } : v)) as unknown as z.ZodType<ProgramDocument>,
    "objects by a short name; a node that uses one loads it once, so that all its programs share their maps",
  ).optional(),
  topology: topologySchema.describe("the network, as containerlab writes it"),
  traffic: list(trafficSchema, "who sends what to whom").optional(),
  timeline: list(timelineSchema, "what happens when").optional(),
  expect: list(expectSchema, "what must hold at the end; the exit status says whether it does").optional(),
  ...Object.fromEntries(IGNORED_TOP_KEYS.map((key) => [key, ignored(key).optional()])),
}) as unknown as z.ZodType<LabDocument>;

/** Where the schema will be published. */
export const LAB_SCHEMA_ID = "https://netsim.dev/schemas/lab.schema.json";

type JsonObject = Record<string, unknown>;

/** The JSON Schema of a lab file as it is written, repetition and `${...}` included. */
export function labJsonSchema(): JsonObject {
  const schema = z.toJSONSchema(labSchema, {
    io: "input",
    reused: "ref",
    override: ({ jsonSchema }) => allowRepetition(jsonSchema as JsonObject),
  }) as JsonObject;
  return { $id: LAB_SCHEMA_ID, title: "netsim lab", ...schema };
}

/** Numbers may be written as `${i}`, and mappings may carry `count`, `for` and `do`. */
function allowRepetition(s: JsonObject): void {
  if (s.type === "integer" || s.type === "number" || s.type === "boolean") {
    const { description, ...rest } = s;
    for (const key of Object.keys(rest)) delete s[key];
    s.anyOf = [rest, { type: "string", pattern: "\\$\\{" }];
    if (description !== undefined) s.description = description;
  }
  if (s.type === "object" && s.additionalProperties === false && s.properties !== undefined) {
    const properties = s.properties as JsonObject;
    for (const [key, description] of REPETITION_KEYS) properties[key] ??= { description };
    delete s.required;
  }
}

const REPETITION_KEYS: readonly (readonly [string, string])[] = [
  ["count", "nodes and links: this entry so many times; the variable i counts from 1"],
  ["for", "entries of lists: `1-8` or `b in 1-8`: this entry for each number"],
  ["do", "with for: what is repeated"],
  ["<<", "YAML merge key"],
];
