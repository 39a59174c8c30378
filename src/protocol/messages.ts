/**
 * The messages as this program holds them, made from the tables of schema.ts: unions discriminated by `type`, fields
 * under the specification's names. u64 is bigint, [u8; 32] and Vec<u8> are Uint8Array, Option is null when None.
 */
import type { Fields, RequestName, ResponseName, StructName, WireType } from "./schema.js";
import type { requests, responses, structs } from "./schema.js";

type Value<T extends WireType> = T extends "bool"
  ? boolean
  : T extends "u16" | "u32" | "i32"
    ? number
    : T extends "u64"
      ? bigint
      : T extends "string"
        ? string
        : T extends "bytes" | "hash"
          ? Uint8Array
          : T extends { readonly option: infer U extends WireType }
            ? Value<U> | null
            : T extends { readonly list: infer U extends WireType }
              ? readonly Value<U>[]
              : T extends { readonly pair: readonly [infer A extends WireType, infer B extends WireType] }
                ? readonly [Value<A>, Value<B>]
                : T extends { readonly struct: infer N extends StructName }
                  ? StructValues[N]
                  : never;

type Values<F extends Fields> = { readonly [K in keyof F]: Value<F[K]> };

/** Specification, section 5. */
export interface VnodeEntry extends Values<typeof structs.VnodeEntry> {}

/** Specification, section 5. */
export interface DirEntry extends Values<typeof structs.DirEntry> {}

interface StructValues {
  VnodeEntry: VnodeEntry;
  DirEntry: DirEntry;
}

/** `VnodeEntry.flags` of the specification; 0 is a regular file. */
export const FLAG_DIR = 0x01;
export const FLAG_SYMLINK = 0x02;

/** The request of a name: `Request<"ManifestGet">` is `{ type: "ManifestGet"; path: string }`. */
export type Request<N extends RequestName> = {
  [K in N]: Flat<{ readonly type: K } & Values<(typeof requests)[K]["fields"]>>;
}[N];

/** The response of a name. `Error(String)` is `{ type: "Error"; message }`, its text `CODE: sentence`. */
export type Response<N extends ResponseName> = {
  [K in N]: Flat<{ readonly type: K } & Values<(typeof responses)[K]["fields"]>>;
}[N];

export type VeloRequest = Request<RequestName>;
export type VeloResponse = Response<ResponseName>;

/** What answers a request when it succeeds: `ReplyTo<"CasGet">` is CasFound or CasNotFound. */
export type ReplyTo<N extends RequestName> = Replies[N];

/** The pairing of requests with their responses. */
export type Replies = { [K in RequestName]: Response<(typeof requests)[K]["replies"][number]> };

/** One object type instead of an intersection, so that editors show the fields. */
type Flat<T> = { [K in keyof T]: T[K] };
