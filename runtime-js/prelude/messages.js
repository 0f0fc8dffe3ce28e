// MessageChannel: two ports, and what is posted to one comes out of the other, as a copy and a little later.

export default function messages(native, tools) {
  const { expose, inside, closed, needs, isObject } = tools.part("idl");
  const { EventTarget, MessageEvent, Event, handlerAttribute, fire } = tools.part("events");
  const { copyWithTransfer } = tools.part("clone");
  const CLOSED = Symbol("closed");
  let endOf;
  let successor;

  /** One end of a channel. A port that is transferred gives its end to another port. */
  class End {
    other = undefined;
    port = undefined;
    started = false;
    closed = false;
    waiting = [];
    delivering = false;

    post(message) {
      this.waiting.push(message);
      this.deliver();
    }

    /** One message after the other, each as a task of its own. */
    deliver() {
      if (!this.started || this.delivering || this.waiting.length === 0) return;
      this.delivering = true;
      tools.part("timers").task("postMessage", () => {
        this.delivering = false;
        if (!this.started) return;
        const message = this.waiting.shift();
        this.deliver();
        if (message === CLOSED) fire(this.port, new Event("close"));
        else fire(this.port, new MessageEvent("message", message));
      });
    }

    start() {
      this.started = true;
      this.deliver();
    }

    /** Nothing more is sent either way; what was sent before still arrives, and the other end hears of it after that. */
    close() {
      this.closed = true;
      const { other } = this;
      this.other = undefined;
      if (!other) return;
      other.other = undefined;
      if (other.waiting.length > 0) other.post(CLOSED);
      else tools.part("timers").task("close", () => fire(other.port, new Event("close")));
    }
  }

  class MessagePort extends EventTarget {
    #end;

    constructor(key, end) {
      closed(key, "MessagePort");
      super();
      if (end) this.#take(end);
    }
    #take(end) {
      this.#end = end;
      end.port = this;
    }
    static {
      endOf = (value) => (isObject(value) && #end in value ? value.#end : undefined);
      /** A new port, and what gives it that one's end. */
      successor = (port) => {
        const next = new MessagePort(inside, undefined);
        const move = () => {
          const end = port.#end;
          port.#end = undefined;
          end.started = false;
          next.#take(end);
        };
        return { next, move };
      };
    }

    postMessage(message, options = undefined) {
      needs(1, arguments, "postMessage");
      const list = isObject(options) && !(Symbol.iterator in options) ? options.transfer : options;
      const transfer = list === undefined || list === null ? [] : [...list];
      const other = this.#end?.other;
      if (transfer.includes(this)) throw new DOMException("a port cannot be sent through itself", "DataCloneError");
      const { value, ports } = copyWithTransfer(message, transfer);
      if (other) other.post({ data: value, ports });
    }
    start() { this.#end?.start(); }
    close() {
      if (this.#end && !this.#end.closed) this.#end.close();
    }
  }
  handlerAttribute(MessagePort, "message", (port) => port.start());
  handlerAttribute(MessagePort, "messageerror");
  handlerAttribute(MessagePort, "close");
  expose(MessagePort);

  class MessageChannel {
    #ports;
    constructor() {
      const ends = [new End(), new End()];
      ends[0].other = ends[1];
      ends[1].other = ends[0];
      this.#ports = ends.map((end) => new MessagePort(inside, end));
    }
    get port1() { return this.#ports[0]; }
    get port2() { return this.#ports[1]; }
  }
  expose(MessageChannel);
  Object.defineProperty(MessagePort, "length", { value: 0, configurable: true });
  return { MessageChannel, MessagePort, isPort: (value) => endOf(value) !== undefined, isOpen: (port) => !endOf(port).closed, successor };
}
