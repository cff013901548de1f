/** Verdicts of tc programs. @source include/uapi/linux/pkt_cls.h TC_ACT_*; include/uapi/linux/bpf.h enum tcx_action_base */

export const TC_ACT_UNSPEC = -1;
export const TC_ACT_OK = 0;
export const TC_ACT_SHOT = 2;
export const TC_ACT_STOLEN = 4;
export const TC_ACT_REDIRECT = 7;
export const TC_ACT_TRAP = 8;

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
