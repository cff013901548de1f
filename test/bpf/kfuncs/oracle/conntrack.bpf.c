// SPDX-License-Identifier: MIT
// Connection tracking from tc programs.
#define CTX struct __sk_buff
#define SECTION "tc"
#define CT_ALLOC bpf_skb_ct_alloc
#define CT_LOOKUP bpf_skb_ct_lookup
#include "conntrack.h"
