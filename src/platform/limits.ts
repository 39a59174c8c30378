/** Every limit on what comes from outside, each with its reason. Checked before anything is allocated. */

/**
 * Bytes of one frame's payload. The largest honest message is the listing of one directory: 16 MiB hold 400,000 names
 * of 30 bytes. More would let one peer make the daemon hold memory for bytes that never come.
 */
export const FRAME_MAX = 16 * 1024 * 1024;

/** Bytes of a path without its NUL: the kernel's PATH_MAX is 4,096 with it, and every key becomes a path in the end. */
export const PATH_MAX = 4095;

/** Bytes of one component: the kernel's NAME_MAX. */
export const NAME_MAX = 255;

/** Milliseconds to wait for a connection: the specification's, section 8. */
export const CONNECT_TIMEOUT_MS = 5000;

/** Bytes of one line of the control socket: the same room as a frame, for pages of entries. */
export const CONTROL_LINE_MAX = FRAME_MAX;

/**
 * Bytes of replies that wait in this process for a peer to read them, beyond the kernel's socket buffer. From there on the
 * peer is neither read from nor answered. Not below the high-water mark of Node's sockets (64 KiB in newer ones), or nobody
 * would say when they are gone.
 */
export const REPLIES_UNREAD_MAX = 64 * 1024;

/** Replies that are ready together are written with one call, up to so many bytes: a third of the kernel's socket buffer. */
export const REPLY_BATCH = 64 * 1024;

/** Bytes of replies that wait for an earlier one of the same connection. From there on nothing more is begun. */
export const REPLIES_HELD_MAX = 1024 * 1024;

/**
 * Bytes of one connection's requests that are being answered at a time: forwarded ones lie in this process until a project
 * that may be frozen takes them. Some thousands of ordinary ones.
 */
export const ANSWERING_MAX = 1024 * 1024;

/** Bytes of whole requests that are read ahead of what is being answered: one chunk as Node reads it. */
export const REQUESTS_AHEAD_MAX = 64 * 1024;

/**
 * What one connection may do before the others have their turn: so many messages, so many milliseconds (looked at every few
 * messages), so many bytes. While several are busy the turns are short, and the event loop goes round between any two of
 * them: a neighbour with one question then waits for some tens of microseconds, not for all who have sent thousands ahead.
 */
export const TURN_MESSAGES = 256;
export const TURN_MESSAGES_SHARED = 16;
export const TURN_MS = 1;
export const TURN_BYTES = 32 * 1024;

/** So many turns of one connection after that of another are short: some tenths of a second of work. */
export const TURNS_SHARED = 4096;

/**
 * Seconds a swept blob stays in the trash. A program that has an older index mapped may open what the newest manifest no longer
 * names, and whoever swept by mistake gets it back; an hour is longer than builds and test runs take.
 */
export const SWEEP_GRACE_SECONDS = 3600;

/**
 * Requests of one client that are under way, and the bytes of them; the next one waits. A daemon that answers 200,000 a
 * second needs some hundreds on the way to stay busy over a wake-up of a millisecond; more would only lie in buffers.
 */
export const PIPELINE_REQUESTS_MAX = 1024;
export const PIPELINE_BYTES_MAX = 4 * 1024 * 1024;

/** Connections on which one read is tried. A daemon that ends on a request is not brought down by it for ever. */
export const READ_ATTEMPTS_MAX = 3;

/** Milliseconds after a connection broke in which a daemon that is not there is waited for: its successor is on the way. */
export const SUCCESSION_MS = 1000;

/**
 * Milliseconds for which a client that may answer from real files does not ask a daemon again that accepted and did not
 * answer: each request would wait for the whole connect timeout.
 */
export const FROZEN_MS = 5000;

/**
 * Processes of projects that a home runs at a time, about 24 MiB each. Of more than that, those that nobody needs are ended, the
 * longest idle first; `project_processes` sets another number.
 */
export const PROJECT_PROCESSES_MAX = 64;

/** Milliseconds after which vriftd closes the connection to a project that it has for a client that says nothing. */
export const UPSTREAM_SILENT_MS = 60_000;

/**
 * What a daemon keeps for who follows its traffic (`vrift debug trace`): so many messages, so many bytes of them; older ones are
 * dropped and counted. A tenth of a second of the fastest traffic, or seconds of a busy build's. Of a message over the
 * third limit (a sweep's filter, the listing of an enormous directory) only the beginning is kept.
 */
export const TRACE_EVENTS_MAX = 32 * 1024;
export const TRACE_BYTES_MAX = 8 * 1024 * 1024;
export const TRACE_MESSAGE_MAX = 1024 * 1024;

/** What one answer to such a follower carries: putting it together holds up everybody else for some milliseconds. */
export const TRACE_PAGE_EVENTS = 1024;
export const TRACE_PAGE_BYTES = 1024 * 1024;

/**
 * Locks that one connection holds or waits for (FlockAcquire). Any number may wait for one lock, because each waits on a connection
 * of its own; what one connection can make the project's process keep is this many keys, 4 MiB at the very most.
 */
export const FLOCKS_MAX = 1024;

/**
 * Programs started with Spawn that run at a time, in one home: a client in a loop stops here and not at the user's limit on processes. And how many of
 * their logs are kept; what they hold is the programs' own affair.
 */
export const CHILDREN_MAX = 64;
export const CHILD_LOGS_KEPT = 256;

/** Characters of a command that Status shows: it is a line that a person reads, and a command may have megabytes. */
export const COMMAND_SHOWN = 200;

/**
 * Connections of one daemon on its specified sockets: each costs a descriptor, and a process that has none left cannot open what it works
 * with. Those over it are closed at once. Control sockets have some of their own: whoever wants to end a crowd must get in. It is less where the
 * process may have fewer descriptors (src/daemon/connection-room.ts).
 */
export const CONNECTIONS_MAX = 16 * 1024;
export const CONTROL_CONNECTIONS_MAX = 256;

/** Descriptors that a daemon keeps for itself: listening sockets, logs, databases, indexes, files under way. */
export const DESCRIPTORS_RESERVED = 512;

/**
 * What is committed at a time (docs/commit.md): mutations wait while so many files are recorded, some milliseconds, and a kill makes so
 * much be read again.
 */
export const COMMIT_ROUND_FILES = 64;
export const COMMIT_ROUND_BYTES = 16 * 1024 * 1024;

/** Files up to this size are committed as soon as they are quiet: reading one again costs less than a millisecond. */
export const COMMIT_AT_ONCE_BYTES = 1024 * 1024;

/**
 * Seconds after its last change from which a file of a solid tree is answered for (docs/solid.md): by then the kernel has written it
 * out (30 seconds until it is due, 5 until somebody looks), and the number of its blocks stays.
 */
export const SETTLE_SECONDS = 60;

/** Moved names that a light round of a solid tree looks at; of more a scan of everything is not much dearer. */
export const LIGHT_ROUND_MAX = 20_000;

/**
 * Milliseconds for which `vrift run` waits for the index of a directory nobody has seen before: with everything else it does, COMMAND has
 * begun within two seconds. It asks the kernel then, and programs that it starts later find the index.
 */
export const START_WAIT_MS = 1200;

/** Between two looks at every name of a solid tree that programs use: what nobody tells of (docs/solid.md) is right again by then. */
export const LOOK_MS = 30_000;

/**
 * Names of one project in its manifest and index: 2 GiB of index and as much of keys, which is what a machine of today may spare for one of
 * many projects. What a tree has beyond that is left to the kernel. `project_entries` sets another number.
 */
export const PROJECT_ENTRIES_MAX = 16 * 1024 * 1024;

/**
 * Bytes of files in one project's staging directory at which nothing more is put there: clients hand files over from it, and one that never
 * does would fill the disk that its user works on. `staging_bytes` sets another number.
 */
export const STAGING_BYTES_MAX = 16 * 1024 * 1024 * 1024;

/** Milliseconds after which a file in staging whose process is gone is nobody's: in another process namespace it may only seem so. */
export const STAGING_ORPHAN_MS = 600_000;
