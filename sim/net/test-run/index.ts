/** The registry of test runs. */
import type { ProgKind } from "../../bpf/prog-type.ts";
import { BugError } from "../../engine/errors.ts";
import { flowDissectorTestRun } from "./flow-dissector.ts";
import { givenContextRun } from "./given-context.ts";
import { skLookupTestRun } from "./sk-lookup.ts";
import { skbTestRun, skbTestRunBeyondLinux } from "./skb.ts";
import { syscallTestRun } from "./syscall.ts";
import type { TestRunDef } from "./test-run.ts";
import { xdpTestRun } from "./xdp.ts";

/** Every kind of test run. */
export const testRuns: readonly TestRunDef[] = [
  xdpTestRun,
  skbTestRun,
  skbTestRunBeyondLinux,
  flowDissectorTestRun,
  skLookupTestRun,
  syscallTestRun,
  givenContextRun,
];

const byKind: ReadonlyMap<ProgKind, TestRunDef> = indexKinds();

function indexKinds(): Map<ProgKind, TestRunDef> {
  const out = new Map<ProgKind, TestRunDef>();
  for (const def of testRuns) {
    for (const kind of def.kinds) {
      if (out.has(kind)) throw new BugError("TEST_RUN_TWICE", `two kinds of test run are for ${kind} programs`);
      out.set(kind, def);
    }
  }
  return out;
}

/** The kind of test run of a program type, undefined when there is none. */
export function testRunOf(kind: ProgKind): TestRunDef | undefined {
  return byKind.get(kind);
}
