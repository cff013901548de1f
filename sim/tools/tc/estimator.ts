/** `estimator INTERVAL TIME_CONSTANT` of `tc qdisc` and `tc class`. @source iproute2 tc/tc_util.c parse_estimator */
import { type EstimatorSpec, estimatorSpec } from "../../net/qdiscs/estimator.ts";
import { parseTime } from "../../net/tc-units.ts";
import { duplicateArgument, type Words } from "../rtnetlink.ts";
import { ToolError } from "../tool.ts";

/** Reads the two times behind the word. @param before what was said before: saying it twice is refused */
export function takeEstimator(words: Words, before: EstimatorSpec | null): EstimatorSpec {
  const interval = words.next();
  if (before !== null) throw duplicateArgument("estimator", interval);
  const intervalUs = timeUs(interval, "invalid estimator interval");
  const constantUs = timeUs(words.next(), "invalid estimator time constant");
  const spec = estimatorSpec(intervalUs, constantUs);
  if (spec === null) throw new ToolError(255, "Error: estimator parameters are out of range.\n");
  return spec;
}

function timeUs(word: string, message: string): number {
  const ns = parseTime(word, 1000);
  // iproute2 has the two words of its complaint the wrong way round
  if (ns === null) throw new ToolError(255, `Error: argument "${message}" is wrong: estimator\n`);
  return Math.floor(ns / 1000);
}
