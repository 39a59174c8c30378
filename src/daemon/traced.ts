/** The specified protocol with its messages shown to a trace while somebody follows it. */
import type { Protocol } from "./connection.js";
import type { Trace } from "./trace.js";

/** Of a frame, before its payload. */
const LENGTH_SIZE = 4;

export function traced(protocol: Protocol<Buffer>, trace: Trace): Protocol<Buffer> {
  const connection = trace.connection();
  const { answer, refuse } = protocol;
  const answerTraced = (payload: Buffer): Buffer | Promise<Buffer> => {
    const request = trace.request(connection, payload);
    const show = (frame: Buffer): Buffer => {
      if (trace.active) trace.reply(connection, request, frame.subarray(LENGTH_SIZE));
      return frame;
    };
    const reply = answer(payload);
    return reply instanceof Promise ? reply.then(show) : show(reply);
  };
  return {
    ...protocol,
    answer: (payload) => (trace.active ? answerTraced(payload) : answer(payload)),
    refuse: (error) => {
      const frame = refuse(error);
      if (trace.active) trace.reply(connection, undefined, frame.subarray(LENGTH_SIZE));
      return frame;
    },
  };
}
