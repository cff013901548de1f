import { describe, expect, it } from "vitest";
import { Progress, progressLine } from "../../sim/cli/progress.ts";
import { Remembered } from "./kit.ts";

const at = (seconds: number, packets: number) => ({ nowNs: seconds * 1e9, endNs: 10e9, packets });

describe("progress", () => {
  it("says how far, how fast, and how long yet", () => {
    expect(progressLine(at(2.5, 0), 5000, 123_400, 200)).toBe(
      "25%  2.5s of 10s  0.50x real time  617 000 packets/s  15s left",
    );
  });

  it("a run that has not moved has no time left to tell", () => {
    expect(progressLine(at(0, 0), 1000, 0, 0)).toBe("0%  0 of 10s  0.0x real time  0 packets/s  ");
  });

  it("appears after a second, five times a second at most, and is wiped", () => {
    let ms = 0;
    const out = new Remembered(true);
    const progress = new Progress(out, () => ms);
    const lines: number[] = [];
    for (ms = 0; ms <= 2000; ms += 50) {
      const before = out.text.length;
      progress.update(at(ms / 1000, ms));
      if (out.text.length > before) lines.push(ms);
    }
    expect(lines).toEqual([1000, 1200, 1400, 1600, 1800, 2000]);
    progress.done();
    progress.done();
    expect(out.text.endsWith("\r\x1b[K")).toBe(true);
    expect(out.text.split("\r\x1b[K")).toHaveLength(8);
  });

  it("never appears where there is no terminal", () => {
    let ms = 0;
    const out = new Remembered(false);
    const progress = new Progress(out, () => ms);
    for (ms = 0; ms <= 5000; ms += 100) progress.update(at(1, 1));
    progress.done();
    expect(out.text).toBe("");
  });
});
