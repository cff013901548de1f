/**
 * One line on the terminal while a run takes longer than a second: simulated time, speed against real time, packets per second, time
 * left. Nothing when it is no terminal.
 */
import { formatDuration } from "../lab/units.ts";
import type { Output } from "./io.ts";
import { count } from "./table.ts";

const FIRST_MS = 1000;
const EVERY_MS = 200;
const CLEAR_LINE = "\r\x1b[K";

/** Where the run stands. */
export interface ProgressPosition {
  /** Simulated time, ns. */
  readonly nowNs: number;
  readonly endNs: number;
  /** Packets that have entered so far. */
  readonly packets: number;
}

export class Progress {
  private readonly output: Output;
  private readonly nowMs: () => number;
  private readonly startMs: number;
  private lastMs: number;
  private lastPackets: number = 0;
  private shown: boolean = false;

  /** @param nowMs the wall clock */
  constructor(output: Output, nowMs: () => number) {
    this.output = output;
    this.nowMs = nowMs;
    this.startMs = nowMs();
    this.lastMs = this.startMs;
  }

  /** Call it as often as you like. */
  update(p: ProgressPosition): void {
    if (!this.output.isTerminal) return;
    const now = this.nowMs();
    if (now - this.startMs < FIRST_MS || now - this.lastMs < EVERY_MS) return;
    this.output.write(
      CLEAR_LINE + progressLine(p, now - this.startMs, p.packets - this.lastPackets, now - this.lastMs),
    );
    this.lastMs = now;
    this.lastPackets = p.packets;
    this.shown = true;
  }

  /** Wipes the line. */
  done(): void {
    if (this.shown) this.output.write(CLEAR_LINE);
    this.shown = false;
  }
}

/** The line. @unit elapsedMs: since the run began; recentMs: the time in which recentPackets entered */
export function progressLine(p: ProgressPosition, elapsedMs: number, recentPackets: number, recentMs: number): string {
  const speed = p.nowNs / 1e6 / elapsedMs;
  const leftMs = p.nowNs === 0 ? Number.POSITIVE_INFINITY : (elapsedMs * (p.endNs - p.nowNs)) / p.nowNs;
  const left = Number.isFinite(leftMs) ? `${Math.ceil(leftMs / 1000)}s left` : "";
  const perSecond = count(Math.round((recentPackets * 1000) / Math.max(1, recentMs)));
  const done = Math.floor((100 * p.nowNs) / p.endNs);
  return `${done}%  ${formatDuration(p.nowNs)} of ${formatDuration(p.endNs)}  ${speed.toPrecision(2)}x real time  ${perSecond} packets/s  ${left}`;
}
