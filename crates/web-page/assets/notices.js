// What the page says by itself: troubles, which stay, and news, which pass.

import { ApiError } from "./api.js";
import * as connection from "./connection.js";
import { byId, make, makeButton } from "./dom.js";
import { wordsFor } from "./words.js";

/** Long enough to read two lines. */
const SHOWN_MS = 6_000;
/** Most at a time; the oldest goes. */
const NOTICES_MAX = 4;

/**
 * The same is there once. A trouble stays until it is dismissed.
 * @param {string} text @param {"alert" | "status"} [role]
 */
export function notify(text, role = "alert") {
	const list = byId("notices");
	for (const shown of [...list.children]) if (shown.firstElementChild?.textContent === text) shown.remove();
	const notice = make("div", { role }, make("p", {}, text));
	const remove = () => notice.remove();
	if (role === "alert") {
		notice.append(makeButton("Dismiss", remove));
	} else {
		notice.setAttribute("aria-label", "News");
		setTimeout(remove, SHOWN_MS);
	}
	list.append(notice);
	if (list.children.length > NOTICES_MAX) list.firstElementChild?.remove();
}

export function clearTroubles() {
	for (const trouble of byId("notices").querySelectorAll("[role=alert]")) trouble.remove();
}

/** Does what a person wants, or says why not. @param {ElementId} id @param {string} type @param {() => unknown} act */
export function on(id, type, act) {
	byId(id).addEventListener(type, async (event) => {
		// The page sends its forms itself.
		event.preventDefault();
		try {
			await act();
		} catch (error) {
			report(error);
		}
	});
}

/** @param {unknown} error */
export function report(error) {
	if (!(error instanceof ApiError)) return reportError(error);
	if (error.status === 401) connection.set("signed out");
	else notify(wordsFor(error));
}
