/**
 * Keys. Nothing in programs of the networking types takes one; they are looked up and given back.
 * @source kernel/trace/bpf_trace.c bpf_lookup_user_key, bpf_lookup_system_key, bpf_key_put. Costs: estimates
 * @differs no user has a keyring: no key is found by its serial number
 */
import type { KfuncDef } from "../../bpf/helper.ts";
import { GENERIC_KFUNC_KINDS } from "../../bpf/prog-kinds.ts";
import { VerifierError } from "../../engine/errors.ts";
import type { NetEnv } from "../net-env.ts";

/** VERIFY_USE_PLATFORM_KEYRING, the last keyring that has a number instead of an address. */
const LAST_KEYRING = 2;

const plain = {
  gplOnly: false,
  progKinds: GENERIC_KFUNC_KINDS,
  mapKinds: null,
  changesPacket: false,
  since: "6.1",
} as const;

/** `bpf_lookup_user_key`. */
export const lookupUserKey: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_lookup_user_key",
  args: ["u32", "u64"],
  ret: "obj_or_null",
  flags: ["ACQUIRE", "RET_NULL", "SLEEPABLE"],
  costNs: 100,
  call: (): number => 0,
};

/** `bpf_lookup_system_key`: of the built-in, the secondary and the platform keyring. */
export const lookupSystemKey: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_lookup_system_key",
  args: ["u64"],
  ret: "obj_or_null",
  flags: ["ACQUIRE", "RET_NULL"],
  costNs: 25,
  call: (env: NetEnv, id: number, hi: number): number =>
    hi === 0 && id >>> 0 <= LAST_KEYRING ? env.structs.keys.create(id) : 0,
};

/** `bpf_key_put`. */
export const keyPut: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_key_put",
  args: ["obj"],
  ret: "void",
  flags: ["RELEASE"],
  costNs: 20,
  call(env: NetEnv, key: number): number {
    if (env.structs.keys.drop(key)) return 0;
    throw new VerifierError({ code: "KEY_ARGUMENT", message: "expected pointer to STRUCT bpf_key" });
  },
};
