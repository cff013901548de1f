/** What all functions of a case share. */
import type { CaseKind, CaseMap } from "./case.ts";
import type { Label } from "./code.ts";

/** What a function is for; it decides what may happen in it. */
export type Role = "main" | "sub" | "loop" | "each";

/** What a function gets in an argument register. */
export type Param = "scalar" | "ctx" | "value";

/** A function that may be called, in the order of calls. */
export interface PlannedFunction {
  readonly role: Role;
  readonly level: number;
  readonly params: readonly Param[];
  readonly label: Label;
  /** Somebody calls it: it must be written. */
  used: boolean;
}

/** A case while it is made. */
export interface Plan {
  readonly kind: CaseKind;
  /** The first is an array of one element that every program traces into. */
  readonly maps: readonly CaseMap[];
  /** Indices of maps by what can be done with them. */
  readonly keyed: readonly number[];
  readonly queues: readonly number[];
  /** Index of the program array, -1 when there is none. */
  readonly tailMap: number;
  /** Index of the ring buffer, -1 when there is none. */
  readonly ringbuf: number;
  /** may_goto may be written. */
  readonly mayGoto: boolean;
  readonly functions: PlannedFunction[];
  /** Operations that may still be tried. */
  fuel: number;
}

/** Index of the map that programs trace into, and the length of its only value. */
export const TRACE_MAP = 0;
export const TRACE_BYTES = 128;
/** Bytes in front of it that the registers take when a program ends. */
export const TRACE_REGS = 80;
/** Index of the frozen map with texts for helpers that want constant strings; its only value. */
export const TEXT_MAP = 1;
