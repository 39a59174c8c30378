/**
 * The N-API addon: what Node lacks. Built by `make -C native` into build/native/vrift.node. Sources in native/addon/.
 * Every function throws an Error with an errno name in `code` (as node:fs does) unless it says otherwise.
 */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

export interface NativeAddon {
  /** SO_PEERCRED of a connected Unix socket. */
  peerCredentials(fd: number): PeerCredentials;
  /** The path that a Unix stream socket listens on. EINVAL: it is no such socket. */
  listeningPath(fd: number): string;
  /** One datagram to the Unix socket `name` (`@…` is an abstract one). Never waits: EAGAIN. */
  notifySocket(name: string, text: string): void;

  /** flock(2). Returns false when `operation` has LOCK_NB and somebody else holds it. Blocks the thread otherwise. */
  flock(fd: number, operation: number): boolean;

  /**
   * An exclusive open-file-description lock (fcntl F_OFD_SETLK) on one byte: false when somebody else holds it. It ends when
   * `fd` is closed.
   */
  tryLockByte(fd: number, byte: number): boolean;

  /** linkat(2) of an open file (through /proc/self/fd; also an O_TMPFILE without a name). EEXIST when `to` exists. */
  linkFd(fd: number, to: string | Buffer): void;
  /**
   * A new file at `to` with these bytes, mode and times, complete or not at all: made without a name in `directory`, of the same file
   * system. EEXIST when something is there. False: the file system has no files without names, and nothing was done.
   */
  putFile(
    directory: string,
    bytes: Uint8Array,
    to: string,
    facts: { readonly mode: number; readonly atimeNs: bigint; readonly mtimeNs: bigint },
  ): boolean;
  /** renameat2(2) with RENAME_NOREPLACE. */
  renameNoReplace(from: string | Buffer, to: string | Buffer): void;
  /** syncfs(2) on a libuv worker: with much unwritten data it takes seconds. */
  syncfs(fd: number): Promise<void>;
  /** FICLONE; false when the file systems cannot (EOPNOTSUPP, EXDEV, EINVAL, ENOTTY). */
  reflink(toFd: number, fromFd: number): boolean;
  /**
   * True when any process has the file open for writing, judged by F_SETLEASE F_RDLCK, which is dropped again at once.
   * `fd` is open read-only. True also when the file system cannot tell.
   */
  hasWriter(fd: number): boolean;
  /** True when anybody has the file open besides `fd`, in any way; otherwise as `hasWriter` (F_WRLCK). */
  hasOther(fd: number): boolean;
  /** True when the file has any extended attribute (ACLs are attributes; security.selinux is not counted). */
  hasXattr(path: string | Buffer): boolean;
  /** utimensat(2) with exact nanoseconds, not following links; futimens(3) of a descriptor. */
  setTimes(path: string | Buffer | number, atimeNs: bigint, mtimeNs: bigint): void;
  /**
   * An O_PATH descriptor of what `path` names below the directory: no link, no `..` and no rename leads out of it (EXDEV). The last
   * component is not followed.
   */
  openBeneath(directoryFd: number, path: string): number;
  /** Sets or clears FS_IMMUTABLE_FL; false when the file system has no such attribute or the process may not. */
  setImmutable(fd: number, immutable: boolean): boolean;
  /** prctl(PR_SET_NAME): the name `ps -o comm` and `top` show, 15 bytes. */
  setProcessName(name: string): void;

  /**
   * Maps a file shared; the buffer stays valid until collected. `length` bytes from 0; EOVERFLOW when the file is shorter.
   * Writing into a buffer mapped without `writable` ends the process.
   */
  mapShared(fd: number, length: number, writable: boolean): ArrayBuffer;

  /** The path hash of docs/index-format.md. */
  pathHash(key: Buffer): bigint;

  /** A copy of the marks, each word read whole. `marks` is a mapping of at least 512 KiB. */
  marksSnapshot(marks: ArrayBuffer): ArrayBuffer;
  /** Adds one whole operation (MARK_BEGIN + MARK_END) to the word of a path hash. `marks` is a writable mapping. */
  marksBump(marks: ArrayBuffer, hash: bigint): void;

  /**
   * Scans a tree with fstatat in C, sorted by nothing, links not followed, into one packed buffer: records as declared
   * in src/platform/scan.ts. `skip` holds keys (relative to `root`) not to descend into; they are listed themselves.
   * Runs on a libuv worker. Directories that cannot be read are records with their errno.
   */
  scanTree(root: string, skip: readonly string[]): Promise<ArrayBuffer>;

  // --- index writer (native/index/index_writer.c); `handle` is an external value, one writer per file ------------------
  // Every function below throws EBADF once the handle was closed, and works only in the thread that made it.
  /**
   * Makes a new index file at `path` (O_EXCL, 0600, fully allocated), maps it and claims its `alive` word for this thread.
   * It holds the root directory as entry 0 (DIR | BACKED: indexUpdate it) and `distrust` is 1. ENOSPC: the disk is full.
   */
  indexCreate(path: string, options: IndexCreateOptions): IndexHandle;
  /**
   * Takes over the file of a writer that is gone, when it is what `options` would make (sizes apart), was left whole by a
   * process under this very kernel, and reflects `transaction`: `distrust` is 1 then. ENOENT, ESTALE, EINVAL, EBUSY, EACCES:
   * make another. Reads every entry once.
   */
  indexReopen(path: string, options: IndexCreateOptions, transaction: bigint): IndexHandle;
  /**
   * Looks at the entries from number `from` to before `to`; before the first change of a file that was taken over every entry was
   * looked at. Numbers of those with ENTRY_KERNEL and of directories without ENTRY_COMPLETE; with `all`, of everything not
   * ENTRY_VIRTUAL. `naming`: how many name content that has bytes. EINVAL: damaged.
   */
  indexSurvey(
    handle: IndexHandle,
    from: number,
    to: number,
    all: boolean,
  ): { readonly numbers: Uint32Array; readonly naming: number };
  /**
   * A new file at `path` with the entries (under other numbers), seen marks, distrust and transaction of `handle`, for
   * `entryCapacity` entries and `moreKeys` bytes of keys beside those in use; space of removed keys is won back.
   */
  indexGrow(handle: IndexHandle, path: string, entryCapacity: number, moreKeys: number): IndexHandle;
  /**
   * Adds an entry; parents must be there. Returns its number. EEXIST, ENOENT, ENOTDIR, EINVAL, ENAMETOOLONG, and ENOSPC
   * when a table is full (grow then).
   */
  indexInsert(handle: IndexHandle, key: Buffer, value: IndexValue): number;
  /**
   * Adds `packed` records (struct vrift_fill_record of src/vdir/layout.ts) from byte `offset` to byte `end`. Returns the
   * offset reached: less than `end` when a table is full (grow, then go on from there). Otherwise errors as indexInsert;
   * what came before the bad record stays.
   */
  indexFill(handle: IndexHandle, packed: Buffer, offset: number, end: number): number;
  /** Changes an entry in place under its sequence. ENOENT, ENOTEMPTY (a directory with entries becomes something else). */
  indexUpdate(handle: IndexHandle, entry: number, value: IndexValue): void;
  /** Removes an entry; ENOTEMPTY when it has children, EBUSY for the root. */
  indexRemove(handle: IndexHandle, entry: number): void;
  /**
   * What it takes to give an entry, and all below it, a key of `length` bytes. ENOENT; EBUSY for the root; ENAMETOOLONG when
   * a path below would be too long.
   */
  indexMoveRoom(handle: IndexHandle, entry: number, length: number): IndexMoveRoom;
  /**
   * Does that, in place of an entry with nothing below it, and renames `from` to `to` on disk at the same moment for readers:
   * all of it or nothing. As above; ENOENT, ENOTDIR, EINVAL (into itself), ENOTEMPTY; ENOSPC; what rename(2) says.
   */
  indexMove(
    handle: IndexHandle,
    entry: number,
    key: Buffer,
    from: string | Buffer,
    to: string | Buffer,
  ): void;
  /** Entry number, or -1. */
  indexFind(handle: IndexHandle, key: Buffer): number;
  /** The mapped file, for readers in TypeScript. Detached (length 0) by indexClose. */
  indexBuffer(handle: IndexHandle): ArrayBuffer;
  /**
   * Stores every word of `snapshot` that has nothing in flight to `seen`. Who knows better of a word (an open writer)
   * sets its lowest bit in the snapshot first.
   */
  indexPublishSeen(handle: IndexHandle, snapshot: ArrayBuffer): void;
  /**
   * Stores the time in `heartbeat_ns`, now and from a thread every 250 ms until the handle is closed or the event loop has not
   * turned for ten seconds.
   */
  indexBeat(handle: IndexHandle): void;
  /**
   * Stores in the header what is true of the root's mount (docs/solid.md): rule of access times, masks of statx, mount and its namespace.
   * False when the file system is none whose every change inotify tells of.
   */
  indexLearn(handle: IndexHandle): boolean;
  /**
   * BACKED entries whose word in `snapshot` is not the one seen (null: all) are YOUNG from now on, and so not answered for. The numbers
   * of all entries with such a word, KERNEL ones and directories included; none for null.
   */
  indexUnsettle(handle: IndexHandle, snapshot: ArrayBuffer | null): Uint32Array;
  /**
   * Looks at the names of YOUNG entries (`all`: of all BACKED ones) among those from number `from` to before `to`, and makes those EXACT that
   * are (docs/solid.md). A change at or after `settledBeforeNs` (CLOCK_REALTIME) is too recent.
   */
  indexSettle(
    handle: IndexHandle,
    which: { readonly from: number; readonly to: number; readonly all: boolean },
    settledBeforeNs: bigint,
  ): Settled;
  indexSetTransaction(handle: IndexHandle, sequence: bigint): void;
  indexSetHeld(handle: IndexHandle, hashes: bigint): void;
  /** The whole word, DISTRUST_LOST included. */
  indexDistrust(handle: IndexHandle): number;
  /** Replaces every bit but DISTRUST_LOST, which only the watcher sets. */
  indexSetDistrust(handle: IndexHandle, value: number): void;
  /**
   * Takes DISTRUST_LOST away: true when it was set. Who rescans sets a bit of its own, calls this, rescans, and takes its
   * bit away; a loss in between stays set.
   */
  indexClearLost(handle: IndexHandle): boolean;
  /** Sets `superseded`. The mapping stays until the handle is collected or closed. */
  indexSupersede(handle: IndexHandle): void;
  /** Gives up `alive` and unmaps. Closing twice is allowed. */
  indexClose(handle: IndexHandle): void;

  /**
   * Builds the version-1 export from the index on a libuv worker, in `temporary` (which must not exist), and renames that to
   * `path`. The index may be changed and closed meanwhile. EFBIG: over 4 GiB.
   */
  exportMake(index: IndexHandle, path: string, temporary: string): Promise<ExportHandle>;
  /**
   * Writes changed values into the file in place, on a worker. False: another file is needed, because names changed, `index` is
   * another one than it was made from, or the file is not at `path`. One call at a time: EBUSY.
   */
  exportRefresh(handle: ExportHandle, index: IndexHandle, path: string): Promise<boolean>;
  /** Frees what it holds; the file stays. */
  exportClose(handle: ExportHandle): void;

  // --- index reader (native/addon/shared_index.c, shared_list.c); any process of the user, read-only ---------------
  /**
   * Maps an index and its marks. EBADMSG: they are no such files, or torn; ESTALE: the directory it describes is not at its
   * place. The caller has made sure of owner and mode.
   */
  sharedIndexOpen(indexFd: number, marksFd: number): SharedIndexHandle;
  /**
   * The entry of the key `path[from..to)` as bincode's Option<VnodeEntry> into `out` from `at` (SHARED_REPLY_MAX bytes must
   * be there). Returns the bytes written (1: absent), 0 when the index alone cannot say, -1 when it is superseded, without
   * a living writer, or closed: open it again. At most one lstat, for what is a file or a directory of the tree.
   */
  sharedIndexGet(
    handle: SharedIndexHandle,
    path: Uint8Array,
    from: number,
    to: number,
    out: Uint8Array,
    at: number,
  ): number;
  /**
   * The names in the directory `path[from..to)` as bincode's Vec<DirEntry>, sorted by their bytes, behind `head` bytes that are not
   * filled. null: the index alone cannot say, or the list is over `limit` bytes; undefined: as -1 of sharedIndexGet.
   */
  sharedIndexList(
    handle: SharedIndexHandle,
    path: Uint8Array,
    from: number,
    to: number,
    head: number,
    limit: number,
  ): Buffer | null | undefined;
  /** Closing twice is allowed. */
  sharedIndexClose(handle: SharedIndexHandle): void;

  // --- watcher (native/addon/watch.c); stops with its handle at the latest, and never keeps Node alive -------------------
  /**
   * Starts the inotify thread: for every event in a watched directory it adds one whole operation to the mark of the name
   * and, when a name came or went, of its directory, within microseconds. What marks cannot say (overflow, a lost watch, a
   * known directory moved away or with other permissions) raises DISTRUST_LOST in the current index. EMFILE, ENOSPC.
   */
  watchStart(options: WatchOptions): WatchHandle;
  /**
   * Watches one directory, not what is below it; again for one already watched is fine, and gives it this key. False when
   * the limit (fs.inotify.max_user_watches) is reached; ENOENT, ENOTDIR (also a link), EACCES, ENAMETOOLONG.
   * Add first, then scan: what changes in between is seen twice and never missed.
   */
  watchAdd(handle: WatchHandle, key: Buffer): boolean;
  /** The file that has taken the index's name; DISTRUST_LOST is carried over. Call it before the old one is closed. */
  watchSetIndex(handle: WatchHandle, index: IndexHandle): void;
  /**
   * Resolves when every event queued before the call is in the marks. ETIMEDOUT after a second (then the kernel answers:
   * set a distrust of your own), ECANCELED when stopped meanwhile. Keeps Node alive until it settles.
   */
  watchDrain(handle: WatchHandle): Promise<void>;
  /** Stopping twice is allowed. */
  watchStop(handle: WatchHandle): void;
}

export interface IndexCreateOptions {
  readonly workspaceId: string;
  readonly kind: number;
  readonly rootPath: string;
  readonly rootDev: bigint;
  readonly rootIno: bigint;
  readonly sourcePath: string;
  readonly sourceDev: bigint;
  readonly uid: number;
  readonly gid: number;
  readonly entryCapacity: number;
  readonly keysSize: number;
}

export interface IndexMoveRoom {
  readonly entries: number;
  /** Bytes of the key pool. */
  readonly keyBytes: number;
  /** False: ENOSPC, so grow first. */
  readonly fits: boolean;
}

/** The value part of `struct vrift_entry`. */
export interface IndexValue {
  readonly flags: number;
  readonly mode: number;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly ino: bigint;
  readonly blocks: number;
  /** 32 bytes; zero when ENTRY_HASHED is not in `flags`. */
  readonly hash: Uint8Array;
}

export interface Settled {
  /** Numbers of entries that are not what the name is now. */
  readonly suspects: Uint32Array;
  /** How many are still YOUNG. */
  readonly left: number;
  /** Time of the oldest change among those that are only too recent; 2^63-1: there is none. */
  readonly oldestYoungNs: bigint;
}

export interface WatchOptions {
  readonly root: string;
  /** Open for reading and writing; may be closed afterwards. */
  readonly marksFd: number;
  readonly index: IndexHandle;
  /** An existing directory for nothing else (`run/<id>/cookies`), on a file system with inotify. */
  readonly cookies: string;
  /** A change of the table of mounts raises DISTRUST_LOST. */
  readonly mounts: boolean;
  /** Called on the event loop after something changed or was lost, coalesced. */
  readonly onChange: () => void;
}

declare const indexHandle: unique symbol;
export interface IndexHandle {
  readonly [indexHandle]: true;
}
declare const sharedIndexHandle: unique symbol;
export interface SharedIndexHandle {
  readonly [sharedIndexHandle]: true;
}
declare const exportHandle: unique symbol;
export interface ExportHandle {
  readonly [exportHandle]: true;
}
declare const watchHandle: unique symbol;
export interface WatchHandle {
  readonly [watchHandle]: true;
}

const location = fileURLToPath(new URL("../../../build/native/vrift.node", import.meta.url));

export const native: NativeAddon = createRequire(import.meta.url)(location) as NativeAddon;
