import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { SessionReplay } from "./session-replay.ts";

interface Session {
  readonly name: string;
  /** Values read are ids: only their length was kept. */
  readonly opaque: boolean;
  readonly steps: readonly string[];
}

const folder = new URL("kernel/", import.meta.url);
const { sessions } = (await import(new URL("sessions.mjs", folder).href)) as { readonly sessions: () => Session[] };
const recorded = JSON.parse(readFileSync(new URL("answers.json", folder), "utf8")) as {
  readonly kernel: string;
  readonly sessions: Readonly<Record<string, readonly string[]>>;
};

/**
 * Steps that say nothing of the map: Linux refuses the oracle's own program for what it passes (its value is no socket) or for what it
 * does with the answer (a socket has to be released).
 */
function isMute(session: string, step: string, answer: string): boolean {
  if (/^ps /.test(step)) return true;
  if (/^sock(map|hash)/.test(session) && /^p[lnu] /.test(step)) return true;
  return /^p[lc] /.test(step) && answer === "load -13";
}

/** Both answers in words that can be compared. */
function comparable(step: string, answer: string, opaque: boolean): string {
  if (answer.startsWith("load")) return "load";
  if (/^b/.test(step)) {
    const [err, count, keys = "-", values = "-"] = answer.split(" ");
    // a call that was refused leaves the count as it was given
    if (/^-(1|22|524)$/.test(err!)) return err!;
    return `${err} ${count} ${keys} ${opaque ? lengthOf(values) : values}`;
  }
  return opaque && step.startsWith("look ") && !/^-?\d{1,3}$/.test(answer) ? lengthOf(answer) : answer;
}

function lengthOf(value: string): string {
  return value.endsWith("bytes") ? value : `${value === "-" ? 0 : value.length / 2}bytes`;
}

describe(`sessions with maps end as on Linux ${recorded.kernel.split("-")[0]}`, () => {
  it("the record has every session, step by step", () => {
    const want = Object.fromEntries(sessions().map((s) => [s.name, s.steps.length]));
    const got = Object.fromEntries(Object.entries(recorded.sessions).map(([name, answers]) => [name, answers.length]));
    expect(got).toEqual(want);
  });

  it.each(sessions())("$name", ({ name, opaque, steps }) => {
    const answers = recorded.sessions[name]!;
    const replay = new SessionReplay();
    const wrong: string[] = [];
    for (const [i, step] of steps.entries()) {
      const got = comparable(step, replay.do(step), opaque);
      const want = comparable(step, answers[i]!, opaque);
      if (isMute(name, step, answers[i]!)) continue;
      if (got !== want) wrong.push(`step ${i}: ${step}: Linux ${want}, netsim ${got}`);
    }
    expect(wrong).toEqual([]);
  });
});
