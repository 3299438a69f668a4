// The list of workers: some pages of it, read again and again, filtered by state and name.

import { listWorkers } from "./api.js";
import { button, byId, input, make, select, setText } from "./dom.js";
import { Loop } from "./loop.js";
import { readRuntimes } from "./runtimes.js";
import { timeText } from "./text.js";
import { wordsFor } from "./words.js";

/** Workers of one request; more when most are filtered out. */
const PAGE_WORKERS = 100;
const PAGE_WORKERS_MAX = 200;
/** Most workers shown at a time. Then the list begins anew at the next one. */
const SHOWN_MAX = 500;
const PAUSE_MS = 2_000;
/** Pause after a refusal that may last: something between here and the server has other rules. */
const REFUSED_PAUSE_MS = 10_000;
const RUNTIMES_EVERY_MS = 6_000;

/**
 * A page as it was read last; of its workers those that match.
 * @typedef {{ token: string | null, tag: string | null, workers: WorkerSummary[], next: string | null, notes: string[] }} Page
 */

/** @type {Page[]} */
let pages = [];
/** Where the list begins; `null` is the newest worker. @type {string | null} */
let start = null;
let wanted = PAGE_WORKERS;
/** Which page after the first is read again next. */
let turn = 1;
let runtimesReadAt = -Infinity;
let current = "";
/** @type {Map<string, { item: HTMLElement, show: (worker: WorkerSummary) => void }>} */
const rows = new Map();

const loop = new Loop(step, (error) => {
	// The token of a page of another start of the server.
	const isOldPage = error.problem?.code === "invalid_page_token";
	if (isOldPage) reset();
	else setText(byId("list-note"), wordsFor(error));
	return isOldPage ? 0 : REFUSED_PAUSE_MS;
});

export const resume = () => loop.start();
export const suspend = () => loop.stop();
/** Something has changed. */
export const refresh = () => loop.soon();

/** @param {string} key which worker is open */
export function setCurrent(key) {
	current = key;
	for (const [at, { item }] of rows) mark(item, at);
}

/** @param {WorkerId} worker */
export const keyOf = (worker) => `#/${encodeURIComponent(worker.runtime_id)}/${encodeURIComponent(worker.worker_id)}`;

export function listen() {
	const anew = () => {
		reset();
		loop.again();
	};
	input("filter").addEventListener("input", anew);
	select("state").addEventListener("change", anew);
	button("newest").addEventListener("click", anew);
	button("more").addEventListener("click", () => {
		wanted += PAGE_WORKERS;
		if (wanted > SHOWN_MAX) {
			const next = pages.at(-1)?.next ?? null;
			reset();
			start = next;
			byId("list-scroll").scrollTop = 0;
		}
		loop.again();
	});
}

function reset() {
	pages = [];
	start = null;
	wanted = PAGE_WORKERS;
	setText(byId("list-note"), "Loading workers …");
}

/** @param {AbortSignal} signal */
async function step(signal) {
	const isChanged = await readPages(signal);
	show();
	if (isChanged || performance.now() - runtimesReadAt > RUNTIMES_EVERY_MS) {
		await readRuntimes(signal);
		runtimesReadAt = performance.now();
	}
	return PAUSE_MS;
}

/** Reads the first page, one of the others, and those that begin elsewhere than before. @param {AbortSignal} signal */
async function readPages(signal) {
	const name = input("filter").value.trim().toLowerCase();
	const limit = name ? PAGE_WORKERS_MAX : PAGE_WORKERS;
	const state = select("state").value;
	/** @type {Page[]} */
	const fresh = [];
	let isChanged = false;
	let found = 0;
	let token = start;
	do {
		const at = fresh.length;
		const known = pages[at]?.token === token ? pages[at] : undefined;
		let page = known;
		if (!known || at === 0 || at === turn) {
			const read = await listWorkers({ limit, page_token: token, state }, known?.tag ?? null, signal);
			if (read) {
				const { items, next_page_token, diagnostics } = read.body;
				const workers = name ? items.filter((worker) => worker.display_name.toLowerCase().includes(name)) : items;
				page = { token, tag: read.tag, workers, next: next_page_token ?? null, notes: diagnostics.map((d) => d.message) };
				isChanged = true;
			}
		}
		if (!page) break;
		fresh.push(page);
		found += page.workers.length;
		token = page.next;
		if (name && found > 0) showPages([...fresh]);
	} while (token && found < wanted);
	turn = turn + 1 < fresh.length ? turn + 1 : 1;
	pages = fresh;
	return isChanged;
}

const show = () => showPages(pages);

/** @param {Page[]} read */
function showPages(read) {
	const list = byId("workers");
	const gone = new Set(rows.keys());
	let next = list.firstElementChild;
	for (const worker of read.flatMap((page) => page.workers)) {
		const key = keyOf(worker);
		let row = rows.get(key);
		if (row && !gone.delete(key)) continue;
		if (!row) {
			row = newRow(key);
			rows.set(key, row);
		}
		row.show(worker);
		if (row.item === next) next = next.nextElementSibling;
		else list.insertBefore(row.item, next);
	}
	for (const key of gone) {
		rows.get(key)?.item.remove();
		rows.delete(key);
	}
	const isFiltered = input("filter").value.trim() !== "" || select("state").value !== "";
	const none = isFiltered ? "No worker matches." : "There are no workers yet. Make a new one.";
	const notes = new Set(read.flatMap((page) => page.notes));
	setText(byId("list-note"), [rows.size ? "" : none, ...notes].join(" ").trim());
	button("more").hidden = !read.at(-1)?.next;
	button("newest").hidden = start === null;
}

/** @param {HTMLElement} item @param {string} key */
function mark(item, key) {
	const link = item.firstElementChild;
	if (key === current) link?.setAttribute("aria-current", "page");
	else link?.removeAttribute("aria-current");
}

/** @param {string} key */
function newRow(key) {
	const name = make("bdi", { class: "name" });
	const state = make("span", { class: "state" });
	const detail = make("span", { class: "detail" });
	const item = make("li", {}, make("a", { href: key }, name, " ", state, " ", detail));
	mark(item, key);
	/** @param {WorkerSummary} worker */
	const show = (worker) => {
		const kind = worker.state === "recorded" ? "read-only record" : worker.implementation_kind;
		const activity = worker.last_activity_at ?? worker.created_at;
		const facts = [worker.profile, kind, activity && timeText(activity)];
		setText(name, worker.display_name);
		setText(state, worker.state);
		state.dataset.state = worker.state;
		setText(detail, facts.filter(Boolean).join(" · "));
	};
	return { item, show };
}
