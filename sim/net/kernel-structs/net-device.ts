/**
 * `struct net_device` of devices whose pointer a program got. Pointers to what netsim does not keep as the kernel does
 * (operations, queues, the namespace) are null.
 * @source include/linux/netdevice.h
 */
import type { Btf } from "../../bpf/btf/types.ts";
import type { Arena } from "../../engine/arena.ts";
import type { Netdev } from "../netdev.ts";
import { putField, putText, StructLayout } from "./layout.ts";

/** sizeof(dev->dev_addr) of Ethernet. */
const ETH_ALEN = 6;

/** The devices that programs have met. */
export class NetDevices {
  private readonly arena: Arena;
  private readonly f: ReturnType<typeof fieldsOf>;
  private readonly placed: WeakMap<Netdev, number> = new WeakMap();

  constructor(arena: Arena, btf: Btf) {
    this.arena = arena;
    this.f = fieldsOf(btf);
  }

  /** Address of a device's struct, its fields brought up to date. */
  addressOf(dev: Netdev): number {
    const { arena, f } = this;
    let at = this.placed.get(dev);
    if (at === undefined) {
      at = f.layout.place(arena);
      this.placed.set(dev, at);
      const mac = arena.alloc(8);
      arena.u8.set(dev.mac, mac);
      putField(arena, at, f.dev_addr, mac);
      arena.u8.set(dev.mac, at + f.perm_addr.offset);
      putField(arena, at, f.ifindex, dev.ifindex);
      putField(arena, at, f.addr_len, dev.hardwareType === TUNNEL ? 0 : ETH_ALEN);
    }
    putText(arena, at, f.name, dev.name);
    putField(arena, at, f.mtu, dev.mtu);
    putField(arena, at, f.min_mtu, dev.minMtu);
    putField(arena, at, f.max_mtu, dev.maxMtu);
    putField(arena, at, f.flags, dev.flags & KERNEL_FLAGS);
    putField(arena, at, f.type, dev.hardwareType);
    putField(arena, at, f.hard_header_len, dev.hardHeaderLen);
    putField(arena, at, f.real_num_tx_queues, dev.txQueues.length);
    putField(arena, at, f.num_tx_queues, dev.txQueues.length);
    putField(arena, at, f.real_num_rx_queues, dev.rxQueueCount);
    putField(arena, at, f.num_rx_queues, dev.rxQueueCount);
    putField(arena, at, f.tx_queue_len, dev.txQueueLen);
    return at;
  }
}

/** ARPHRD_TUNNEL. */
const TUNNEL = 768;
/** IFF_RUNNING and IFF_LOWER_UP are made up for user space; dev->flags never has them. @source net/core/dev.c netif_get_flags */
const KERNEL_FLAGS = ~(0x40 | 0x10000);

function fieldsOf(btf: Btf) {
  const layout = new StructLayout(btf, "net_device");
  return {
    layout,
    name: layout.field("name"),
    ifindex: layout.field("ifindex"),
    mtu: layout.field("mtu"),
    min_mtu: layout.field("min_mtu"),
    max_mtu: layout.field("max_mtu"),
    flags: layout.field("flags"),
    type: layout.field("type"),
    addr_len: layout.field("addr_len"),
    dev_addr: layout.field("dev_addr"),
    perm_addr: layout.field("perm_addr"),
    hard_header_len: layout.field("hard_header_len"),
    real_num_tx_queues: layout.field("real_num_tx_queues"),
    num_tx_queues: layout.field("num_tx_queues"),
    real_num_rx_queues: layout.field("real_num_rx_queues"),
    num_rx_queues: layout.field("num_rx_queues"),
    tx_queue_len: layout.field("tx_queue_len"),
  };
}
