/** Reads a recording of test/kernel/vectors/text. */
import { readFileSync } from "node:fs";

export interface Step {
  readonly host: string;
  /** null: frames are sent from `dev`. */
  readonly command: string | null;
  readonly dev: string;
  readonly count: number;
  /** stdout, then stderr. */
  readonly output: string;
  readonly status: number;
  /** `$` and position, for names of tests. */
  readonly number: number;
}

export function readTranscript(topic: string): readonly Step[] {
  const url = new URL(`../kernel/vectors/text/${topic}.txt`, import.meta.url);
  const text = readFileSync(url, "utf8");
  const steps: Step[] = [];
  const parts = text.split(/^(?=\[\w+\] (?:\$ |sends ))/m).slice(1);
  for (const [number, part] of parts.entries()) {
    const newline = part.indexOf("\n");
    const head = part.slice(0, newline);
    const sends = /^\[(\w+)\] sends (\d+) frames of \d+ bytes from (\w+)$/.exec(head);
    if (sends !== null) {
      steps.push({
        host: sends[1]!,
        command: null,
        dev: sends[3]!,
        count: Number(sends[2]),
        output: "",
        status: 0,
        number,
      });
      continue;
    }
    const m = /^\[(\w+)\] \$ (.*)$/.exec(head)!;
    let output = part.slice(newline + 1).replace(/\n$/, "");
    let status = 0;
    output = output.replace(/\(exit (\d+)\)\n$/, (_, n: string) => {
      status = Number(n);
      return "";
    });
    steps.push({ host: m[1]!, command: m[2]!.trimEnd(), dev: "", count: 0, output, status, number });
  }
  return steps;
}
