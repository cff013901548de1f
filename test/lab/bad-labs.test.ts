/** Each lab in test/golden/lab-errors is refused with exactly the text beside it, which somebody has read and found clear. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { LabError } from "../../sim/engine/errors.ts";
import { parseLab } from "../../sim/lab/parse-lab.ts";

const folder = new URL("../golden/lab-errors/", import.meta.url);
const names = readdirSync(folder)
  .filter((f) => f.endsWith(".yaml"))
  .map((f) => f.slice(0, -5))
  .sort();

/** What is said about a lab; "" when nothing is. */
function complaint(text: string, file: string): string {
  try {
    parseLab(text, file);
    return "";
  } catch (error) {
    if (error instanceof LabError) return `${error.message}\n`;
    throw error;
  }
}

describe("bad labs", () => {
  it.each(names)("%s is refused in so many words", (name) => {
    const text = readFileSync(new URL(`${name}.yaml`, folder), "utf8");
    const expected = readFileSync(new URL(`${name}.txt`, folder), "utf8");
    expect(complaint(text, `${name}.yaml`)).toBe(expected);
  });

  it("there are at least twenty of them", () => {
    expect(names.length).toBeGreaterThanOrEqual(20);
  });
});
