/** The workloads: one line each. */
import type { Kernel } from "../net/kernel.ts";
import { packets } from "./packets.ts";
import { pcap } from "./pcap.ts";
import { ping } from "./ping.ts";
import type { LiveTraffic, TrafficPlan, Workload, WorkloadSpec } from "./traffic.ts";
import { udp } from "./udp.ts";
import { udpRr } from "./udp-rr.ts";

type Workloads = { readonly [T in WorkloadSpec["type"]]: Workload<Extract<WorkloadSpec, { readonly type: T }>> };

/** All of them, by the lab file's word for each. */
export const workloads: Workloads = {
  ping,
  udp,
  "udp-rr": udpRr,
  pcap,
  packets,
};

/**
 * Prepares traffic; sending begins at its time.
 * @throws LabError for what the spec cannot mean; its diagnostics have no place, which the caller knows
 */
export function startTraffic(kernel: Kernel, plan: TrafficPlan): LiveTraffic {
  return (workloads[plan.spec.type] as Workload<WorkloadSpec>).start(kernel, plan);
}
