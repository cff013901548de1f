import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readWholeFile, whyNot } from "../../sim/engine/read-file.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "netsim-read-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

function failure(path: string): string {
  try {
    readWholeFile(path, 10);
    return "";
  } catch (error) {
    return whyNot(error);
  }
}

describe("readWholeFile", () => {
  it.each([0, 1, 65_535, 65_536, 65_537, 200_000])("reads all of %i bytes, and refuses one more than it may", (n) => {
    const path = join(dir, "f");
    const bytes = Uint8Array.from({ length: n }, (_, i) => i % 251);
    writeFileSync(path, bytes);
    expect(Buffer.compare(readWholeFile(path, n)!, bytes)).toBe(0);
    expect(readWholeFile(path, n - 1)).toBeNull();
  });

  it.runIf(process.platform === "linux")("a device without end is refused, one without bytes is empty", () => {
    expect(readWholeFile("/dev/zero", 1 << 20)).toBeNull();
    expect(readWholeFile("/dev/null", 1 << 20)).toEqual(new Uint8Array(0));
  });

  it("says in words why not", () => {
    writeFileSync(join(dir, "file"), "");
    expect(failure(join(dir, "nowhere"))).toBe("no such file or directory");
    expect(failure(join(dir, "file", "x"))).toBe("a part of the path is not a directory");
    expect(failure(join(dir, "n".repeat(300)))).toBe("the name is too long");
    expect(whyNot(Object.assign(new Error(), { code: "EWEIRD" }))).toBe("EWEIRD");
    expect(whyNot("text")).toBe("text");
  });
});
