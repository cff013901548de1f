/** Verdicts of tc programs, filters and actions. @source include/uapi/linux/pkt_cls.h TC_ACT_*; include/uapi/linux/bpf.h enum tcx_action_base */

export const TC_ACT_UNSPEC = -1;
export const TC_ACT_OK = 0;
export const TC_ACT_RECLASSIFY = 1;
export const TC_ACT_SHOT = 2;
export const TC_ACT_PIPE = 3;
export const TC_ACT_STOLEN = 4;
export const TC_ACT_QUEUED = 5;
export const TC_ACT_REPEAT = 6;
export const TC_ACT_REDIRECT = 7;
export const TC_ACT_TRAP = 8;
/** The highest verdict that a user may name. */
export const TC_ACT_VALUE_MAX: number = TC_ACT_TRAP;
/** The packet is somewhere else already: whoever classified it must not touch it again. @source include/net/act_api.h TC_ACT_CONSUMED */
export const TC_ACT_CONSUMED = 9;

/** Opcode in bits 28 to 31, its argument below. @source include/uapi/linux/pkt_cls.h TC_ACT_EXT_* */
export const TC_ACT_JUMP = 0x10000000;
export const TC_ACT_GOTO_CHAIN = 0x20000000;
export const TC_ACT_EXT_VAL_MASK = 0x0fffffff;
/** TCA_ACT_MAX_PRIO: actions of one filter. */
export const TCA_ACT_MAX_PRIO = 32;
/** TCA_ACT_MAX_PRIO_MASK. */
export const TCA_ACT_MAX_PRIO_MASK = 0x1ff;

export const TCX_NEXT = -1;
export const TCX_PASS = 0;
export const TCX_DROP = 2;
export const TCX_REDIRECT = 7;

/** How often one attached program answered what, for netsim's report; Linux has no such counter. */
export class TcVerdicts {
  unspec: number = 0;
  ok: number = 0;
  shot: number = 0;
  stolen: number = 0;
  redirect: number = 0;
  trap: number = 0;
  /** Any other code. */
  other: number = 0;
}

/** Counts what a program answered. */
export function countTcVerdict(v: TcVerdicts, rc: number): void {
  if (rc === TC_ACT_OK) v.ok++;
  else if (rc === TC_ACT_UNSPEC) v.unspec++;
  else if (rc === TC_ACT_SHOT) v.shot++;
  else if (rc === TC_ACT_REDIRECT) v.redirect++;
  else if (rc === TC_ACT_STOLEN) v.stolen++;
  else if (rc === TC_ACT_TRAP) v.trap++;
  else v.other++;
}
