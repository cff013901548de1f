/**
 * BPF_PROG_RUN: runs a loaded program on bytes and a context that the caller gives, and hands back what it left. No hook is passed, a
 * redirect is answered and not done, no counter of a device moves, but for live frames. What each type takes and answers stands in test-run/.
 *
 * @source kernel/bpf/syscall.c bpf_prog_test_run; net/bpf/test_run.c
 */
import type { Operation } from "effection";
import { ENOTSUPP } from "../bpf/maps/errno.ts";
import type { Program } from "../bpf/program.ts";
import type { Host } from "./host.ts";
import { testRunOf } from "./test-run/index.ts";
import {
  BPF_F_TEST_XDP_LIVE_FRAMES,
  type TestRun,
  type TestRunAnswer,
  type TestRunRequest,
} from "./test-run/test-run.ts";
import { xdpLiveRun } from "./test-run/xdp-live.ts";

/**
 * Runs a program as BPF_PROG_RUN does.
 * @returns the answer, or the positive errno with which Linux refuses the request: 524 for types that have no test run
 * @throws VerifierError when an access check fails, or the program returns what its type may not
 * @throws LabError TEST_RUN_LIVE for live frames, which `liveTestRun` runs
 */
export function progTestRun(host: Host, program: Program, request: TestRunRequest): TestRunAnswer | number {
  const run = beginTestRun(host, program, request);
  if (typeof run === "number") return run;
  try {
    run.run(Math.max(1, request.repeat ?? 1));
  } catch (error) {
    run.end();
    host.kernel.machine.reset();
    throw error;
  }
  return run.end();
}

/**
 * Runs a program as BPF_PROG_RUN does, live frames included: with BPF_F_TEST_XDP_LIVE_FRAMES packets pass hooks, move counters and take
 * simulated time. Without that flag it is `progTestRun`.
 * @returns the answer, or the positive errno with which Linux refuses the request
 * @throws VerifierError as progTestRun
 */
export function* liveTestRun(host: Host, program: Program, request: TestRunRequest): Operation<TestRunAnswer | number> {
  const live = program.kind === "xdp" && ((request.flags ?? 0) & BPF_F_TEST_XDP_LIVE_FRAMES) !== 0;
  return live ? yield* xdpLiveRun(host, program, request) : progTestRun(host, program, request);
}

/**
 * Lays packet and context out, for callers that run many times (benchmarks, steppers).
 * @returns the run, or the positive errno with which Linux refuses the request
 * @throws LabError TEST_RUN_LIVE
 */
export function beginTestRun(host: Host, program: Program, request: TestRunRequest): TestRun | number {
  const def = testRunOf(program.kind);
  if (def === undefined || (def.beyondLinux === true && request.anyType !== true)) return ENOTSUPP;
  return def.begin(host, program, request);
}
