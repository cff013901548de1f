// Whose a packet is: a test run's packet belongs to a socket of no family.
import { arp, v4 } from "./packets.mjs";

export const ops = {
  socket_uid: [1],
  has_socket_cookie: [2],
  cgroup_classid: [3],
  route_realm: [4],
  skb_cgroup_classid: [5],
  ancestor_cgroup_id: [6, "a"],
  has_netns_cookie: [7],
  has_initial_netns_cookie: [8],
  xfrm_state: [9, "a", "len", "b"],
  has_cgroup_id: [10],
  same_socket_cookie: [11],
};

export const cases = [
  { packet: v4(), steps: [["socket_uid"], ["has_socket_cookie"], ["same_socket_cookie"]] },
  { packet: v4(), steps: [["cgroup_classid"], ["route_realm"], ["skb_cgroup_classid"]] },
  { packet: v4(), steps: [["has_netns_cookie"], ["has_initial_netns_cookie"], ["has_cgroup_id"]] },
  {
    packet: v4(),
    steps: [
      ["ancestor_cgroup_id", 0],
      ["ancestor_cgroup_id", 200],
      ["ancestor_cgroup_id", -1],
    ],
  },
  {
    packet: v4(),
    steps: [
      ["xfrm_state", 0, 28, 0],
      ["xfrm_state", 1, 4, 0],
      ["xfrm_state", 0, 28, 1],
    ],
  },
  { packet: arp, steps: [["socket_uid"], ["route_realm"], ["has_cgroup_id"]] },
];
