/** The registry of kfuncs that know no network: one family a file, one line a kfunc. */
import type { KfuncDef } from "../helper.ts";
import { preemptDisable, preemptEnable, rcuReadLock, rcuReadUnlock } from "./rcu.ts";

/** Every kfunc of the eBPF machine itself. */
export const baseKfuncs: readonly KfuncDef[] = [rcuReadLock, rcuReadUnlock, preemptDisable, preemptEnable];
