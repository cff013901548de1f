/** Shows that every bundled object was compiled from the source beside it. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

interface Manifest {
  readonly clang: string;
  readonly systemHeaders: string;
  readonly programs: Readonly<Record<string, { readonly sources: string; readonly object: string }>>;
}

interface ManifestTools {
  programNames(): string[];
  hashOfFile(path: string): string;
  hashOfSources(name: string): string;
  headersOf(file: string): string[];
}

const folder = new URL("../../programs/", import.meta.url);
const tools = (await import(new URL("manifest.mjs", folder).href)) as ManifestTools;
const manifest = JSON.parse(readFileSync(new URL("manifest.json", folder), "utf8")) as Manifest;
const names = tools.programNames();
const pathOf = (file: string): string => fileURLToPath(new URL(file, folder));

describe("bundled programs", () => {
  it("the manifest lists each source, and nothing else", () => {
    expect(names.length).toBeGreaterThanOrEqual(21);
    expect(Object.keys(manifest.programs).sort()).toEqual(names);
  });

  it("each object has a source", () => {
    const objects = readdirSync(folder).filter((file) => file.endsWith(".o"));
    expect(objects.map((file) => file.slice(0, -2)).sort()).toEqual(names);
  });

  it.each(names)("%s.o was compiled from the source that is there now", (name) => {
    expect(tools.hashOfSources(name)).toBe(manifest.programs[name]?.sources);
    expect(tools.hashOfFile(pathOf(`${name}.o`))).toBe(manifest.programs[name]?.object);
  });

  it("a source's hash follows the headers it includes", () => {
    expect(tools.headersOf("xdp_l4lb.c")).toEqual(["headers/l4lb.h", "headers/parse.h", "headers/rewrite.h"]);
    expect(tools.headersOf("xdp_pass.c")).toEqual([]);
  });

  it.each(names)("%s.o names no place on a machine, has BTF and a licence", (name) => {
    const text = readFileSync(pathOf(`${name}.o`)).toString("latin1");
    expect(text).not.toMatch(/\/(usr|home|root|work|tmp)\//);
    expect(text).toContain(".BTF.ext");
    expect(text).not.toContain(".debug_info");
    expect(text).toMatch(/Dual MIT\/GPL\0|GPL\0/);
  });

  it("where the manifest's compiler and headers are installed, compiling anew gives the same bytes", () => {
    const done = spawnSync(process.execPath, [pathOf("build.mjs"), "--check"], { encoding: "utf8" });
    if (done.status === 0) {
      expect(done.stdout).toContain(`${names.length} objects are what clang`);
    } else {
      // No clang, another clang, other headers: nothing to compare with, and build.mjs says why.
      expect(done.stderr).toMatch(/^programs\/build\.mjs: \S/m);
      expect(done.status, done.stderr).toBe(3);
    }
  });
});
