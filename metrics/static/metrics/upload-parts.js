// Sends the chosen files in parts, shows how far it is, and goes on after a broken line or a reload where
// the server says it was. Without this script the form sends the files itself, in one go.
"use strict";

(() => {
  const FIRST_PART = 512 * 1024;
  const RETRY_MS = [1000, 2000, 5000, 10000, 20000, 30000];
  const form = document.querySelector("[data-upload-form]");
  if (!form || !window.fetch || !Blob.prototype.arrayBuffer) return;

  // --- sha256, of files too large to hold: block by block ---------------------------------------

  const K = (() => {
    const found = [];
    for (let number = 2; found.length < 64; number++) {
      let isPrime = true;
      for (let by = 2; by * by <= number; by++) if (number % by === 0) { isPrime = false; break; }
      if (isPrime) found.push(Math.floor((Math.cbrt(number) % 1) * 2 ** 32) | 0);
    }
    return new Int32Array(found);
  })();

  class Sha256 {
    constructor() {
      this.state = Int32Array.of(0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19);
      this.words = new Int32Array(64);
      this.rest = new Uint8Array(64);
      this.held = 0;
      this.length = 0;
    }

    update(bytes) {
      this.length += bytes.length;
      let at = 0;
      if (this.held) {
        at = Math.min(64 - this.held, bytes.length);
        this.rest.set(bytes.subarray(0, at), this.held);
        this.held += at;
        if (this.held < 64) return;
        this.block(this.rest, 0);
        this.held = 0;
      }
      for (; at + 64 <= bytes.length; at += 64) this.block(bytes, at);
      this.held = bytes.length - at;
      this.rest.set(bytes.subarray(at));
    }

    block(bytes, from) {
      const w = this.words;
      for (let i = 0; i < 16; i++, from += 4) w[i] = (bytes[from] << 24) | (bytes[from + 1] << 16) | (bytes[from + 2] << 8) | bytes[from + 3];
      for (let i = 16; i < 64; i++) {
        const x = w[i - 15];
        const y = w[i - 2];
        const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
        const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
        w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
      }
      const s = this.state;
      let a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
      for (let i = 0; i < 64; i++) {
        const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
        const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
        const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
        const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
      }
      s[0] += a; s[1] += b; s[2] += c; s[3] += d; s[4] += e; s[5] += f; s[6] += g; s[7] += h;
    }

    hex() {
      const bits = this.length;
      const end = new Uint8Array(this.held < 56 ? 64 - this.held : 128 - this.held);
      end[0] = 0x80;
      const view = new DataView(end.buffer);
      view.setUint32(end.length - 8, Math.floor(bits / 2 ** 29));
      view.setUint32(end.length - 4, (bits * 8) >>> 0);
      this.update(end);
      return [...this.state].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
    }
  }

  // --- What is shown ------------------------------------------------------------------------------

  const panel = document.querySelector("[data-sending]");
  const bar = panel.querySelector("progress");
  const words = panel.querySelector("[data-sending-text]");
  const alertText = form.querySelector("[data-upload-alert]");
  const pause = panel.querySelector("[data-sending-pause]");
  const cancel = panel.querySelector("[data-sending-cancel]");
  const button = form.querySelector("[data-upload-submit]");
  const status = form.querySelector("[data-upload-status]");

  const megabytes = (bytes) => `${new Intl.NumberFormat("en", { maximumFractionDigits: bytes < 100e6 ? 1 : 0 }).format(bytes / 1024 / 1024)} MB`;
  const minutes = (seconds) => (seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.round(seconds / 60)} min`);
  const sleep = (ms) => new Promise((resolve) => { window.setTimeout(resolve, ms); });

  class Refused extends Error {}

  let isPaused = false;
  let isOver = false;
  let marks = [];

  const show = (sent, total, note = "") => {
    const now = performance.now();
    marks.push([now, sent]);
    while (marks.length > 2 && marks[0][0] < now - 15_000) marks.shift();
    const [[since, then]] = marks;
    const rate = now - since > 500 ? ((sent - then) / (now - since)) * 1000 : 0;
    bar.max = Math.max(total, 1);
    bar.value = total ? sent : 1;
    const pace = rate > 0 ? `, ${megabytes(rate)} a second, ${minutes((total - sent) / rate)} left` : "";
    words.textContent = note || `${megabytes(sent)} of ${megabytes(total)} sent${pace}`;
  };

  // --- The server ---------------------------------------------------------------------------------

  const token = () => form.querySelector("input[name=csrfmiddlewaretoken]").value;

  const ask = async (address, options = {}) => {
    const response = await fetch(address, { ...options, headers: { "X-CSRFToken": token(), Accept: "application/json", ...options.headers }, credentials: "same-origin", redirect: "manual" });
    if (response.status === 0 || response.type === "opaqueredirect") throw new Refused("You have been logged out. Log in again in another tab, then press Go on.");
    if (response.status >= 500) throw new TypeError(`The server answers ${response.status}.`);
    const isJson = (response.headers.get("Content-Type") ?? "").includes("json");
    const told = isJson ? await response.json() : {};
    if (response.ok || response.status === 409) return told;
    if (response.status === 404) throw new Refused("The server no longer has what was sent: choose the files again.");
    if (response.status === 403) throw new Refused("You may not upload, or this page is too old: load it again.");
    throw new Refused(told.error ?? `The server answers ${response.status}.`);
  };

  // As long as the line is broken: again and again, and each time told where to go on.
  const untilAnswered = async (work, sent, total) => {
    for (let tries = 0; ; tries++) {
      try {
        return await work();
      } catch (error) {
        if (error instanceof Refused || isOver) throw error;
        const wait = RETRY_MS[Math.min(tries, RETRY_MS.length - 1)];
        marks = [];
        show(sent(), total, `The connection broke. Trying again in ${minutes(wait / 1000)}; what was sent is kept.`);
        await sleep(wait);
      }
    }
  };

  // --- Sending ------------------------------------------------------------------------------------

  const send = async (files, address, received) => {
    const total = files.reduce((sum, file) => sum + file.size, 0);
    const most = Number(form.dataset.partBytes);
    const hashes = [];
    let before = 0;
    let size = FIRST_PART;
    marks = [];
    for (const [number, file] of files.entries()) {
      const hash = new Sha256();
      let here = received[number];
      // What is there already is read once more: its sha256 shows whether it is the same file.
      for (let at = 0; at < here && !isOver; at += most) {
        hash.update(new Uint8Array(await file.slice(at, Math.min(at + most, here)).arrayBuffer()));
        show(before + Math.min(at + most, here), total, `Going on with ${file.name}: ${megabytes(here)} of it are there.`);
      }
      if (here) marks = [];
      while (here < file.size && !isOver) {
        while (isPaused && !isOver) {
          show(before + here, total, `Paused at ${megabytes(before + here)} of ${megabytes(total)}.`);
          marks = [];
          await sleep(200);
        }
        if (isOver) break;
        const part = new Uint8Array(await file.slice(here, Math.min(here + size, file.size)).arrayBuffer());
        const began = performance.now();
        const asked = here;
        const told = await untilAnswered(
          () => ask(`${address.replace(/received\/$/, `files/${number}/`)}?from=${asked}`, { method: "POST", body: part, headers: { "Content-Type": "application/octet-stream" } }),
          () => before + asked,
          total,
        );
        if (told.received < asked) throw new Refused("The server has lost some of what was sent: choose the files again.");
        // It may have got less than was sent, or all of it though the answer was lost.
        const taken = Math.min(told.received - asked, part.length);
        if (told.received > asked + part.length) throw new Refused("The same files are being sent from another page: go on there.");
        hash.update(part.subarray(0, taken));
        here = told.received;
        const took = performance.now() - began;
        size = took < 700 ? Math.min(size * 2, most) : took > 4000 ? Math.max(size / 2, FIRST_PART) : size;
        show(before + here, total);
      }
      if (isOver) return;
      before += file.size;
      hashes.push(hash.hex());
    }
    show(total, total, "All is sent. The server checks and reads it…");
    const body = new URLSearchParams({ sha256: JSON.stringify(hashes) });
    const told = await untilAnswered(() => ask(address, { method: "POST", body }), () => total, total);
    window.removeEventListener("beforeunload", warn);
    window.location.assign(told.page);
  };

  const warn = (event) => event.preventDefault();

  const refuse = (sentence) => {
    alertText.textContent = sentence;
    alertText.hidden = false;
    button.disabled = false;
    status.textContent = "";
    panel.hidden = true;
    window.removeEventListener("beforeunload", warn);
  };

  let address = "";

  form.addEventListener("submit", async (event) => {
    const files = form.chosenFiles?.() ?? [];
    event.preventDefault();
    alertText.hidden = true;
    if (!files.length) {
      refuse("Choose at least one file.");
      return;
    }
    button.disabled = true;
    isPaused = isOver = false;
    pause.textContent = "Pause";
    const said = new FormData(form);
    said.delete("report_files");
    said.set("files", JSON.stringify(files.map(({ path, file }) => ({ name: path, size: file.size, modified: Math.trunc(file.lastModified) }))));
    try {
      const told = await ask(form.dataset.beginUrl, { method: "POST", body: said });
      address = told.address;
      panel.hidden = false;
      panel.scrollIntoView({ block: "nearest" });
      window.addEventListener("beforeunload", warn);
      await send(files.map(({ file }) => file), address, told.received);
    } catch (error) {
      if (isOver) return;
      const sentence = error instanceof Refused ? error.message
        : error instanceof DOMException ? "A file cannot be read any more: it was moved or changed. Choose it again."
          : "The server cannot be reached. Try again: what was sent is kept.";
      refuse(sentence);
    }
  });

  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.textContent = isPaused ? "Go on" : "Pause";
  });

  cancel.addEventListener("click", async () => {
    isOver = true;
    cancel.disabled = true;
    window.removeEventListener("beforeunload", warn);
    const data = new FormData();
    data.set("csrfmiddlewaretoken", token());
    await fetch(address.replace(/received\/$/, "abandon/"), { method: "POST", body: data, credentials: "same-origin" }).catch(() => {});
    window.location.reload();
  });
})();
