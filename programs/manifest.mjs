// What ties a program's source to its object: the hashes in manifest.json. Used by build.mjs and by the tests.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL(".", import.meta.url));

/** Where build.mjs writes what it has compiled from what. */
export const manifestPath = join(folder, "manifest.json");

/** Names of all programs, without `.c`, sorted. */
export function programNames() {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".c"))
    .map((file) => file.slice(0, -2))
    .sort();
}

/** SHA-256 of a file, hex. */
export function hashOfFile(path) {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** Our own headers that a source includes, directly or through another, sorted; names relative to this folder. */
export function headersOf(file) {
  const found = new Set();
  const visit = (from) => {
    for (const [, name] of readFileSync(join(folder, from), "utf8").matchAll(/^#include "(.+)"$/gm)) {
      if (found.has(name)) continue;
      found.add(name);
      visit(name);
    }
  };
  visit(file);
  return [...found].sort();
}

/** SHA-256 over a program's source and the headers of ours that it includes. */
export function hashOfSources(name) {
  const hash = createHash("sha256");
  const source = `${name}.c`;
  for (const file of [source, ...headersOf(source)]) {
    hash.update(`${file}\0`);
    hash.update(readFileSync(join(folder, file)));
    hash.update("\0");
  }
  return hash.digest("hex");
}

/** SHA-256 over the contents of headers that are not ours, in the order of their names. */
export function hashOfSystemHeaders(paths) {
  const hash = createHash("sha256");
  for (const path of [...paths].sort()) hash.update(readFileSync(path));
  return hash.digest("hex");
}
