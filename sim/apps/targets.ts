/** The addresses that a workload sends to. */
import { BugError } from "../engine/errors.ts";
import { AF_INET, type Family, type IpAddr, parseIp } from "../net/ip/address.ts";

/** @throws BugError when one is no address: the lab resolves names before */
export function parseTargets(to: readonly string[]): readonly IpAddr[] {
  return to.map((text) => {
    const addr = parseIp(text);
    if (addr === null) throw new BugError("TRAFFIC_ADDRESS", `${text} is no address`);
    return addr;
  });
}

/** Families among them, each once. */
export function familiesOf(targets: readonly IpAddr[]): readonly Family[] {
  return [...new Set(targets.map((t) => t.family))].sort((a, b) => Number(a !== AF_INET) - Number(b !== AF_INET));
}

/** Least common multiple: flows and targets in turn meet again after so many packets. */
export function lcm(a: number, b: number): number {
  let x = a;
  let y = b;
  while (y !== 0) [x, y] = [y, x % y];
  return (a / x) * b;
}
