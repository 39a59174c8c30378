/** One record of the packed buffer; its key and at least one NUL follow, up to a multiple of 8 bytes. Becomes `struct vrift_scan_record` in C. */
export const scanRecord = {
  name: "vrift_scan_record",
  size: 80,
  comment: "One name found by scanTree; `key_length` bytes of key and 1 to 8 NULs follow.",
  fields: [
    { name: "size", type: "u64", offset: 0, comment: "bytes" },
    { name: "mtime_ns", type: "i64", offset: 8, comment: "" },
    { name: "ctime_ns", type: "i64", offset: 16, comment: "" },
    { name: "ino", type: "u64", offset: 24, comment: "" },
    { name: "dev", type: "u64", offset: 32, comment: "" },
    { name: "blocks", type: "u64", offset: 40, comment: "512-byte units" },
    { name: "mode", type: "u32", offset: 48, comment: "st_mode, type bits included" },
    { name: "nlink", type: "u32", offset: 52, comment: "saturated" },
    { name: "uid", type: "u32", offset: 56, comment: "" },
    { name: "gid", type: "u32", offset: 60, comment: "" },
    { name: "key_length", type: "u32", offset: 64, comment: "bytes" },
    { name: "error", type: "u16", offset: 68, comment: "errno, or 0" },
    { name: "xattr", type: "u8", offset: 70, comment: "0 or 1" },
    { name: "valid_utf8", type: "u8", offset: 71, comment: "0 or 1" },
    { name: "reserved", type: "u64", offset: 72, comment: "zero" },
  ],
} as const;
