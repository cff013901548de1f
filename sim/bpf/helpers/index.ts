/** The registry of helpers that know no network: one family a file, one line a helper. */
import type { HelperDef } from "../helper.ts";
import { forEachMapElem, loop } from "./callback.ts";
import { csumDiff } from "./csum.ts";
import {
  dynptrDataHelper,
  dynptrFromMem,
  dynptrRead,
  dynptrWrite,
  ringbufDiscardDynptr,
  ringbufReserveDynptr,
  ringbufSubmitDynptr,
} from "./dynptr.ts";
import {
  getCurrentComm,
  getCurrentPidTgid,
  getCurrentUidGid,
  getNumaNodeId,
  getPrandomU32,
  getSmpProcessorId,
} from "./identity.ts";
import { kptrXchg } from "./kptr.ts";
import { getLocalStorage } from "./local-storage.ts";
import { mapDeleteElem, mapLookupElem, mapLookupPercpuElem, mapUpdateElem } from "./map-ops.ts";
import { perfEventOutput } from "./perf-event.ts";
import { perfEventRead, perfEventReadValue } from "./perf-event-read.ts";
import { snprintf, tracePrintk, traceVprintk } from "./print.ts";
import { probeRead, probeReadKernel, probeReadKernelStr, probeReadStr } from "./probe-read.ts";
import { mapPeekElem, mapPopElem, mapPushElem } from "./queue-ops.ts";
import { ringbufDiscard, ringbufOutput, ringbufQuery, ringbufReserve, ringbufSubmit } from "./ringbuf.ts";
import { spinLock, spinUnlock } from "./spin-lock.ts";
import { strncmp, strtol, strtoul } from "./string.ts";
import { tailCall } from "./tail-call.ts";
import {
  getBranchSnapshot,
  getCurrentAncestorCgroupId,
  getCurrentCgroupId,
  getNsCurrentPidTgid,
  probeReadUser,
  probeReadUserStr,
  sendSignal,
  sendSignalThread,
} from "./task.ts";
import { jiffies64, ktimeGetBootNs, ktimeGetCoarseNs, ktimeGetNs, ktimeGetTaiNs } from "./time.ts";
import { timerCancel, timerInit, timerSetCallback, timerStart } from "./timer.ts";
import { copyFromUser, copyFromUserTask, findVma } from "./user-memory.ts";
import { userRingbufDrain } from "./user-ringbuf.ts";

/** Every helper of the eBPF machine itself, by number. */
export const baseHelpers: readonly HelperDef[] = [
  mapLookupElem,
  mapUpdateElem,
  mapDeleteElem,
  ktimeGetNs,
  tracePrintk,
  getPrandomU32,
  getSmpProcessorId,
  tailCall,
  getCurrentPidTgid,
  getCurrentUidGid,
  getCurrentComm,
  perfEventOutput,
  csumDiff,
  getNumaNodeId,
  mapPushElem,
  mapPopElem,
  mapPeekElem,
  spinLock,
  spinUnlock,
  strtol,
  strtoul,
  probeReadKernel,
  probeReadKernelStr,
  jiffies64,
  ktimeGetBootNs,
  ringbufOutput,
  ringbufReserve,
  ringbufSubmit,
  ringbufDiscard,
  ringbufQuery,
  ktimeGetCoarseNs,
  forEachMapElem,
  snprintf,
  traceVprintk,
  loop,
  strncmp,
  mapLookupPercpuElem,
  kptrXchg,
  userRingbufDrain,
  getBranchSnapshot,
  probeRead,
  probeReadStr,
  perfEventRead,
  perfEventReadValue,
  copyFromUser,
  copyFromUserTask,
  findVma,
  getCurrentAncestorCgroupId,
  getCurrentCgroupId,
  getNsCurrentPidTgid,
  probeReadUser,
  probeReadUserStr,
  sendSignal,
  sendSignalThread,
  ktimeGetTaiNs,
  timerInit,
  timerSetCallback,
  timerStart,
  timerCancel,
  dynptrFromMem,
  ringbufReserveDynptr,
  ringbufSubmitDynptr,
  ringbufDiscardDynptr,
  dynptrRead,
  dynptrWrite,
  dynptrDataHelper,
  getLocalStorage,
];
