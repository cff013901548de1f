/**
 * Kfuncs that Linux 6.18 allows in a networking program type and netsim has not built: programs that call them are refused by name
 * when they are loaded, and weak externs of them are absent.
 */
export const NOT_BUILT: ReadonlySet<string> = new Set([
  // maps of type arena, whose pointers the program casts between two address spaces
  "bpf_arena_alloc_pages",
  "bpf_arena_free_pages",
  "bpf_arena_reserve_pages",
  // attributes of files, which the simulated cgroup filesystem does not have
  "bpf_cgroup_read_xattr",
  // the kernel's ciphers
  "bpf_crypto_ctx_acquire",
  "bpf_crypto_ctx_create",
  "bpf_crypto_ctx_release",
  "bpf_crypto_decrypt",
  "bpf_crypto_encrypt",
  // the kernel's allocator and buffers of other devices: netsim's memory is in no slab
  "bpf_get_kmem_cache",
  "bpf_iter_dmabuf_destroy",
  "bpf_iter_dmabuf_new",
  "bpf_iter_dmabuf_next",
  "bpf_iter_kmem_cache_destroy",
  "bpf_iter_kmem_cache_new",
  "bpf_iter_kmem_cache_next",
  // tasks of user space, their memory and their return from system calls: the simulated tasks are idle ones, which are in no cgroup
  "bpf_iter_css_task_destroy",
  "bpf_iter_css_task_new",
  "bpf_iter_css_task_next",
  "bpf_iter_task_vma_destroy",
  "bpf_iter_task_vma_new",
  "bpf_iter_task_vma_next",
  "bpf_task_work_schedule_resume_impl",
  "bpf_task_work_schedule_signal_impl",
]);
