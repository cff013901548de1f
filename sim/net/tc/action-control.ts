/**
 * The actions of a host: made with filters or by `tc actions add`, found by kind and number, counted by references.
 *
 * @source net/sched/act_api.c tcf_action_init_1, tcf_idr_check_alloc, tcf_idr_release, tca_action_gd, tca_action_flush,
 *         tcf_action_check_ctrlact
 */
import type { Host } from "../host.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import { TC_ACT_EXT_VAL_MASK, TC_ACT_GOTO_CHAIN, TC_ACT_UNSPEC, TC_ACT_VALUE_MAX, TCA_ACT_MAX_PRIO } from "./act.ts";
import type { ActionSpec, TcAction } from "./action.ts";
import type { TcfProto } from "./classify.ts";

/** TC_ACT_EXT_OPCODE_MAX: goto chain. */
const EXT_OPCODE_MAX: number = TC_ACT_GOTO_CHAIN >>> 28;

/** What making or changing an action has to go by. */
export interface ActionRequest {
  readonly host: Host;
  readonly spec: ActionSpec;
  /** The filter's classifier; null for `tc actions`. */
  readonly proto: TcfProto | null;
  /** The action of that number, when there is one. */
  readonly old: TcAction | null;
  /** Number for a new one. */
  readonly index: number;
}

/** The record of one kind of action. */
export interface ActionDef {
  readonly kind: string;
  /** Kernel file and man page. */
  readonly source: string;
  /**
   * Makes the action, or gives `old` its new parameters.
   * @throws NetlinkError with the kernel's extack; `old` is as it was then
   */
  init(request: ActionRequest): TcAction;
}

const tables: WeakMap<Host, Map<string, Map<number, TcAction>>> = new WeakMap();

function tableOf(host: Host, kind: string): Map<number, TcAction> {
  let kinds = tables.get(host);
  if (kinds === undefined) {
    kinds = new Map();
    tables.set(host, kinds);
  }
  let table = kinds.get(kind);
  if (table === undefined) {
    table = new Map();
    kinds.set(kind, table);
  }
  return table;
}

/** Whose the actions are, and whether existing ones may be overwritten. */
export interface ActionOwner {
  /** The filter's classifier; null for `tc actions`. */
  readonly proto: TcfProto | null;
  /** TCA_ACT_FLAGS_REPLACE. */
  readonly replace: boolean;
}

/**
 * Makes or finds the actions that a command lists, in order. All or none.
 * @param find the record of a kind, undefined when Linux has none of that name
 * @throws NetlinkError
 */
export function initActions(
  host: Host,
  specs: readonly ActionSpec[],
  owner: ActionOwner,
  find: (kind: string) => ActionDef | undefined,
): readonly TcAction[] {
  if (specs.length > TCA_ACT_MAX_PRIO) {
    throw new NetlinkError(ERRNO.EINVAL, `Only ${TCA_ACT_MAX_PRIO} actions supported per filter`);
  }
  const out: TcAction[] = [];
  try {
    for (const spec of specs) out.push(initOne(host, spec, owner, find));
  } catch (error) {
    releaseActions(out, owner.proto !== null);
    throw error;
  }
  return out;
}

function initOne(
  host: Host,
  spec: ActionSpec,
  owner: ActionOwner,
  find: (kind: string) => ActionDef | undefined,
): TcAction {
  const def = find(spec.kind);
  if (def === undefined) throw new NetlinkError(ERRNO.ENOENT, "Failed to load TC action module");
  const bind = owner.proto !== null;
  const table = tableOf(host, spec.kind);
  const old = spec.index === 0 ? undefined : table.get(spec.index);
  // a filter takes an existing action as it is, whatever else it says of it
  if (old !== undefined && bind) {
    old.refs++;
    old.binds++;
    return old;
  }
  if (old !== undefined && !owner.replace) throw new NetlinkError(ERRNO.EEXIST);
  const index = spec.index === 0 ? freeIndex(table) : spec.index;
  const action = def.init({ host, spec, proto: owner.proto, old: old ?? null, index });
  action.cookie = spec.cookie === "" ? action.cookie : spec.cookie;
  if (old !== undefined) return action;
  action.noPercpu = spec.noPercpu;
  action.refs = 1;
  action.binds = bind ? 1 : 0;
  table.set(index, action);
  return action;
}

function freeIndex(table: ReadonlyMap<number, TcAction>): number {
  let index = 1;
  while (table.has(index)) index++;
  return index;
}

/** tcf_idr_release: a filter, or a failed command, gives its actions back. */
export function releaseActions(actions: readonly TcAction[], bound: boolean): void {
  for (const action of actions) {
    if (bound) action.binds--;
    action.refs--;
    if (action.refs > 0) continue;
    tableOf(action.host, action.kind).delete(action.index);
    setGotoChain(action, null);
    action.destroy();
  }
}

/** Actions of a kind in the order of their numbers, for `tc actions ls`. */
export function listActions(host: Host, kind: string): readonly TcAction[] {
  return [...tableOf(host, kind).values()].sort((a, b) => a.index - b.index);
}

/** @throws NetlinkError ENOENT */
export function getAction(host: Host, kind: string, index: number): TcAction {
  const action = tableOf(host, kind).get(index);
  if (action === undefined) throw new NetlinkError(ERRNO.ENOENT, "TC action with specified index not found");
  return action;
}

/** `tc actions del action KIND index N`. @throws NetlinkError ENOENT, EPERM while a filter uses it */
export function deleteAction(host: Host, kind: string, index: number): void {
  const action = getAction(host, kind, index);
  if (action.binds > 0) throw new NetlinkError(ERRNO.EPERM, "Failed to delete TC action");
  releaseActions([action], false);
}

/** `tc actions flush action KIND`. @returns how many went. @throws NetlinkError EPERM when a filter uses the first one */
export function flushActions(host: Host, kind: string): number {
  let n = 0;
  for (const action of listActions(host, kind)) {
    if (action.binds > 0) {
      if (n > 0) return n;
      throw new NetlinkError(ERRNO.EPERM);
    }
    releaseActions([action], false);
    n++;
  }
  return n;
}

/**
 * Checks a control word and gives it to an action (tcf_action_check_ctrlact, tcf_action_set_ctrlact).
 * @throws NetlinkError EINVAL
 */
export function setVerdict(action: TcAction, verdict: number, proto: TcfProto | null): void {
  checkVerdict(verdict, proto);
  action.verdict = verdict;
  const isGoto = (verdict & ~TC_ACT_EXT_VAL_MASK) === TC_ACT_GOTO_CHAIN;
  setGotoChain(action, isGoto && proto !== null ? verdict & TC_ACT_EXT_VAL_MASK : null, proto);
}

/** @throws NetlinkError EINVAL */
export function checkVerdict(verdict: number, proto: TcfProto | null): void {
  const opcode = (verdict >>> 28) & 0xf;
  const ok = opcode === 0 ? verdict <= TC_ACT_VALUE_MAX : opcode <= EXT_OPCODE_MAX || verdict === TC_ACT_UNSPEC;
  if (!ok) throw new NetlinkError(ERRNO.EINVAL, "invalid control action");
  if ((verdict & ~TC_ACT_EXT_VAL_MASK) === TC_ACT_GOTO_CHAIN && proto === null) {
    throw new NetlinkError(ERRNO.EINVAL, "can't goto NULL proto/chain");
  }
}

/** tcf_action_set_ctrlact, tcf_chain_put_by_act: the chain stays as long as an action leads there. */
function setGotoChain(action: TcAction, index: number | null, proto: TcfProto | null = null): void {
  const old = action.gotoChain;
  action.gotoChain = null;
  if (index !== null && proto !== null) {
    action.gotoChain = proto.chain.block.chain(index);
    action.gotoChain.actionRefs++;
  }
  if (old === null) return;
  old.actionRefs--;
  old.block.dropIdleChain(old);
}
