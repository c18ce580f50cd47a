// @ts-check
/**
 * The socket, which comes back by itself: tries again after longer and longer pauses, at once when the network is back
 * or the page is looked at.
 */

const FIRST_PAUSE = 250, LONGEST_PAUSE = 15_000, SILENCE = 20_000; // ms
const ALONE_AFTER = 3; // tries in vain
const REFUSED = 1008; // a close code: a policy of the server's (RFC 6455, section 7.4.1)

/**
 * kind: "connecting", "online", "lost" (trying again), "alone" (trying again, but do not wait for it), "out" (the server
 * has refused, and is asked again seldom), "stopped".
 * @typedef {{kind: string, reason: string}} State
 */

/** One socket, until it is lost. */
export class Link {
  #socket;
  /** @type {() => void} */
  #end = () => {};

  /** @param {WebSocket} socket */
  constructor(socket) {
    this.#socket = socket;
    this.open = true;
    /** @readonly @type {Promise<void>} when it is lost */
    this.lost = new Promise((resolve) => (this.#end = resolve));
  }

  /** @param {string} text */
  send(text) {
    if (this.open && this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  close() {
    this.open = false;
    this.#end();
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
  }
}

/** The way to one server. */
export class Connection {
  #url;
  #heard;
  #changed;
  #tries = 0;
  #stopped = false;
  /** @type {Link | null} */
  #link = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {string} url
   * @param {(link: Link, data: unknown) => void} heard what came
   * @param {(state: State) => void} changed
   */
  constructor(url, heard, changed) {
    this.#url = url;
    this.#heard = heard;
    this.#changed = changed;
  }

  start() {
    addEventListener("offline", () => this.#lose("this device is offline"));
    addEventListener("online", () => this.retry());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.retry());
    this.#connect();
  }

  /** Do not wait any longer. */
  retry() {
    if (!this.#link && !this.#stopped) this.#connect();
  }

  /** The server has let this client in. */
  welcomed() {
    clearTimeout(this.#timer);
    this.#tries = 0;
    this.#changed({ kind: "online", reason: "" });
  }

  /** Give a connection up that cannot be used. @param {Link} link @param {string} reason */
  drop(link, reason) {
    if (link === this.#link) this.#lose(reason);
  }

  /** Never try again. @param {string} reason */
  stop(reason) {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#link?.close();
    this.#link = null;
    this.#changed({ kind: "stopped", reason });
  }

  #connect() {
    clearTimeout(this.#timer);
    const socket = new WebSocket(this.#url), link = new Link(socket);
    this.#link = link;
    if (this.#tries === 0) this.#changed({ kind: "connecting", reason: "" });
    this.#timer = setTimeout(() => this.drop(link, "the server does not answer"), SILENCE);
    socket.onmessage = ({ data }) => this.#heard(link, data);
    socket.onclose = ({ reason, code }) => {
      if (link === this.#link) this.#lose(reason, code === REFUSED);
    };
    void link.lost.then(() => this.drop(link, "the server does not answer")); // its user has closed it
  }

  /** @param {string} reason @param {boolean} [refused] by the server, which answers */
  #lose(reason, refused = false) {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#link?.close();
    this.#link = null;
    this.#tries++;
    this.#changed({ kind: refused ? "out" : this.#tries < ALONE_AFTER ? "lost" : "alone", reason });
    const doubled = refused ? LONGEST_PAUSE : FIRST_PAUSE * 2 ** this.#tries;
    const pause = Math.min(LONGEST_PAUSE, doubled) * (0.5 + Math.random() / 2);
    this.#timer = setTimeout(() => this.#connect(), pause);
  }
}
