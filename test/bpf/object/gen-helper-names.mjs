// Writes sim/bpf/object/helper-names.ts from the kernel's UAPI header.
// node test/bpf/object/gen-helper-names.mjs PATH/TO/include/uapi/linux/bpf.h
import { readFileSync, writeFileSync } from "node:fs";

const header = readFileSync(process.argv[2], "utf8");
const names = [];
for (const [, name, id] of header.matchAll(/^\s*FN\((\w+), (\d+),/gm)) names[Number(id)] = name;
if (names.length < 200) throw new Error(`found ${names.length} helpers in ${process.argv[2]}`);
const lines = [...names].slice(1).map((name) => `  ${JSON.stringify(name)},`);
writeFileSync(
  new URL("../../../sim/bpf/object/helper-names.ts", import.meta.url),
  `// Made by test/bpf/object/gen-helper-names.mjs from include/uapi/linux/bpf.h; do not edit.

const NAMES: readonly string[] = [
  "unspec",
${lines.join("\n")}
];

/** Number of a helper function by its name without \`bpf_\`; undefined when the kernel has none of that name. */
export function helperNumber(name: string): number | undefined {
  const id = NAMES.indexOf(name);
  return id > 0 ? id : undefined;
}

/** Names of all helper functions, without \`bpf_\`. */
export const helperNames: readonly string[] = NAMES.slice(1);

/** Name of a helper function by its number, without \`bpf_\`: also of those that netsim does not have. */
export function helperName(id: number): string | undefined {
  return NAMES[id];
}
`,
);
