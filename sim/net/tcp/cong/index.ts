/** The congestion control modules: one line each, and how one is chosen. @source net/ipv4/tcp_cong.c */
import type { CongestionOps } from "./ca.ts";
import { reno } from "./reno.ts";

const MODULES: readonly CongestionOps[] = [reno];

/** Module of new hosts (net.ipv4.tcp_congestion_control). */
export const DEFAULT_CONGESTION: CongestionOps = reno;

/** @returns the module of a name, or null */
export function findCongestion(name: string): CongestionOps | null {
  return MODULES.find((m) => m.name === name) ?? null;
}

/** net.ipv4.tcp_available_congestion_control. */
export function congestionNames(): readonly string[] {
  return MODULES.map((m) => m.name);
}
