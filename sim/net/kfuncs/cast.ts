/**
 * Casts to the kernel's own structs. They are laid out as in netsim's kernel.btf, filled at the moment of the cast, and read-only.
 * Null that a program follows is a fault here and not the zero that Linux's guarded loads answer: reading address 0 as zero
 * would hide forgotten null checks of map values as well.
 * @source kernel/bpf/helpers.c bpf_cast_to_kern_ctx, bpf_rdonly_cast; kernel/bpf/btf.c get_kern_ctx_btf_id. Costs: estimates of
 *         netsim's own work; Linux spends nothing
 */
import type { KfuncDef } from "../../bpf/helper.ts";
import type { ProgKind } from "../../bpf/prog-type.ts";
import type { NetEnv } from "../net-env.ts";

const plain = {
  gplOnly: false,
  progKinds: null,
  mapKinds: null,
  changesPacket: false,
  since: "6.2",
  ret: "obj_or_null",
  flags: ["FASTCALL"],
  costNs: 0,
} as const;

/** How each program type's context is cast; the types that are not named work on packets of the stack. */
const CAST: Partial<Record<ProgKind, (env: NetEnv, ctx: number) => number>> = {
  xdp(env, ctx) {
    const { u32 } = env.kernel.arena;
    const egress = u32[(ctx + 20) >>> 2]!;
    const to = egress === 0 ? null : (env.host.devices[egress] ?? null);
    return env.structs.xdpBuffs.addressOf(ctx, env.skb, env.dev, u32[(ctx + 16) >>> 2]!, to);
  },
  sock_ops: (env, ctx) => env.structs.contexts.sockOps(ctx, env.sk),
  cgroup_sock_addr: (env, ctx) => env.structs.contexts.sockAddr(ctx, env.sk),
  sk_lookup(env, ctx) {
    const selected = env.kernel.arena.u32[ctx >>> 2]!;
    return env.structs.contexts.skLookup(ctx, selected === 0 ? null : env.sockets.at(selected));
  },
  sk_reuseport: (env, ctx) => env.structs.contexts.skReuseport(ctx, env.sk),
  flow_dissector: (env, ctx) => env.structs.contexts.flowDissector(ctx, env.skb),
  syscall: (_env, ctx) => ctx,
};

const castRecords: Map<ProgKind, KfuncDef<NetEnv>> = new Map();

/** `bpf_cast_to_kern_ctx`. What the program wrote to its context is in the struct. */
export const castToKernCtx: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_cast_to_kern_ctx",
  args: ["ctx"],
  specialize(kind: ProgKind): KfuncDef<NetEnv> {
    let def = castRecords.get(kind);
    if (def === undefined) {
      def = { ...castToKernCtx, call: CAST[kind] ?? castToKernCtx.call };
      castRecords.set(kind, def);
    }
    return def;
  },
  call(env: NetEnv, ctx: number): number {
    env.skbContexts.readBack(ctx, env.skb);
    return env.structs.skBuffs.addressOf(ctx, env.skb, env.dev, env.skbContexts.wireLen(ctx));
  },
};

/** `bpf_rdonly_cast`: kernel-structs/snapshots.ts says what may be read. */
export const rdonlyCast: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_rdonly_cast",
  args: ["u64", "u32"],
  call(env: NetEnv, addr: number, hi: number, typeId: number): number {
    const { structs } = env;
    const shared = hi === 0 ? structs.skBuffs.sharedInfoAt(addr, env.skb) : 0;
    return shared !== 0 ? shared : structs.snapshots.readableAt(addr, hi, typeId >>> 0);
  },
};
