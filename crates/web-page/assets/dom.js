// Elements. Text is set as text, never as markup.

/** @template {ElementId} Id @param {Id} id */
export const byId = (id) => /** @type {PageElements[Id]} */ (document.getElementById(id));

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {Record<string, string>} [attributes] @param {...(Node | string)} children
 */
export function make(tag, attributes = {}, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
	element.append(...children);
	return element;
}

/** @param {string} text @param {() => void} act @param {string} [label] its accessible name */
export function makeButton(text, act, label = text) {
	const button = make("button", { type: "button", "aria-label": label }, text);
	button.addEventListener("click", act);
	return button;
}

/** The same text keeps selection and focus. @param {ElementId} id @param {string} text */
export function setText(id, text) {
	const element = byId(id);
	if (element.textContent !== text) element.textContent = text;
}

/** Makes a node like another one. What is the same stays, with selection and focus. @param {Node} shown @param {Node} fresh */
export function update(shown, fresh) {
	if (shown.isEqualNode(fresh)) return;
	shown.nodeValue = fresh.nodeValue;
	if (shown instanceof Element && fresh instanceof Element) {
		for (const { name, value } of fresh.attributes) shown.setAttribute(name, value);
	}
	while (shown.childNodes.length > fresh.childNodes.length) shown.lastChild?.remove();
	[...fresh.childNodes].forEach((child, at) => {
		const old = shown.childNodes[at];
		if (old) update(old, child);
		else shown.appendChild(child);
	});
}

/** Moves the focus to `id` if a change hides or removes what has it. @param {ElementId} id @param {() => void} change */
export function keepFocus(id, change) {
	const focused = document.activeElement;
	change();
	if (focused !== document.body && !focused?.checkVisibility()) byId(id).focus();
}

/** Whether a key is part of a character. Safari sends the last one after the composition. @param {KeyboardEvent} event */
export const isComposing = (event) => event.isComposing || event.keyCode === 229;
