import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OutputFile, prepareDirectory } from "../../sim/cli/output-file.ts";
import { LabError } from "../../sim/engine/errors.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "netsim-output-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

describe("OutputFile", () => {
  it("the name appears when the file is whole, not before", () => {
    const path = join(dir, "sub", "a.bin");
    const file = new OutputFile(path, "a.bin", 1);
    file.write(Uint8Array.of(1, 2));
    file.write(new Uint8Array(200_000).fill(7));
    file.write(Uint8Array.of(3));
    expect(existsSync(path)).toBe(false);
    file.close();
    file.close();
    const bytes = readFileSync(path);
    expect([bytes.length, bytes[0], bytes[1], bytes[2], bytes[200_002]]).toEqual([200_003, 1, 2, 7, 3]);
    expect(readdirSync(join(dir, "sub"))).toEqual(["a.bin"]);
  });

  it("what the caller changes after write is not in the file", () => {
    const file = new OutputFile(join(dir, "b"), "b", 1);
    const bytes = Uint8Array.of(5);
    file.write(bytes);
    bytes[0] = 6;
    file.close();
    expect([...readFileSync(join(dir, "b"))]).toEqual([5]);
  });

  it("abandoned, it leaves what was there before and nothing else", () => {
    const path = join(dir, "c");
    writeFileSync(path, "old");
    const file = new OutputFile(path, "c", 1);
    file.write(Uint8Array.of(1));
    file.abandon();
    file.close();
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(readdirSync(dir)).toEqual(["c"]);
  });

  it("a symbolic link stays one: its target is written", () => {
    const path = join(dir, "target");
    writeFileSync(path, "old");
    symlinkSync(path, join(dir, "link"));
    const file = new OutputFile(join(dir, "link"), "link", 1);
    file.write(Uint8Array.of(1, 2));
    file.close();
    expect(lstatSync(join(dir, "link")).isSymbolicLink()).toBe(true);
    expect([...readFileSync(path)]).toEqual([1, 2]);
    expect(readdirSync(dir).sort()).toEqual(["link", "target"]);
  });

  it.runIf(process.platform !== "win32")("a device is written into and stays a device", () => {
    for (const end of ["close", "abandon"] as const) {
      const file = new OutputFile("/dev/null", "/dev/null", 1);
      file.write(Uint8Array.of(1));
      file[end]();
      expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
    }
  });

  it.each([
    ["a directory", () => dir, /^out cannot be written: it is a directory \[OUTPUT_FAILED\]$/],
    [
      "a name below a file",
      () => join(dir, "file", "x", "y"),
      /^out cannot be written: a part of the path is not a dir/,
    ],
    ["a name too long", () => join(dir, "n".repeat(300)), /^out cannot be written: the name is too long/],
  ])("%s is refused at once, and nothing is left behind", (_what, path, message) => {
    writeFileSync(join(dir, "file"), "");
    expect(() => new OutputFile(path(), "out", 1)).toThrow(message);
    expect(readdirSync(dir)).toEqual(["file"]);
  });

  it("an empty name is refused", () => {
    expect(() => new OutputFile(dir, "", 1)).toThrow(/^"" cannot be written: no name/);
    expect(() => prepareDirectory(dir, "")).toThrow(/^"" cannot be written: no name/);
  });

  it("what can no longer be renamed into its place leaves no half of it", () => {
    const path = join(dir, "sub", "d");
    const file = new OutputFile(path, "d", 1);
    file.write(Uint8Array.of(1));
    mkdirSync(path);
    expect(() => file.close()).toThrow(/^d cannot be written: /);
    expect(readdirSync(join(dir, "sub"))).toEqual(["d"]);
  });

  it("a directory for files is made with what is above it, and may be there already", () => {
    prepareDirectory(join(dir, "a", "b"), "a/b");
    prepareDirectory(join(dir, "a", "b"), "a/b");
    expect(readdirSync(join(dir, "a"))).toEqual(["b"]);
    writeFileSync(join(dir, "file"), "");
    expect(() => prepareDirectory(join(dir, "file"), "file")).toThrow(/^file cannot be written: a part of the path/);
  });

  it("a place that cannot be written is the user's to mend", () => {
    writeFileSync(join(dir, "file"), "");
    expect(() => new OutputFile(join(dir, "file", "x"), "file/x", 1)).toThrow(LabError);
  });
});
