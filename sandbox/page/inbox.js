// The inbox: three panes for one resident, the newest messages, what the gateways did. Whatever
// comes from outside becomes a text node; the HTML of a mail comes in a frame without any rights.
"use strict";

const WORDS = {
  zh: {
    title: "收件箱 · 沙箱", search: "查找", random: "随机一位居民", search_hint: "手机号、OpenID 或邮箱",
    counters: "各网关计数", recent: "最近消息", footer: "沙箱只在本机演示：没有任何消息发往真实的手机、微信或邮箱。",
    sms: "短信", wechat: "微信", mail: "邮件", accepted: "已接收", refused: "已拒绝", dropped: "断开", receipts: "回执",
    parts: "条", details: "查看详情", none: "这位居民没有这个渠道的消息", empty: "还没有消息。发送一次演练后，这里会显示居民收到的内容。",
    nobody: "收件箱里没有这个地址", failed: "未送达", lost: "与沙箱的连接中断，正在重试……", html: "网页版", text: "纯文本",
    reply: "回复", reply_hint: "以该居民身份回复，如：收到、退订", replied: "已替该居民回复", not_replied: "没有可接收回复的连接",
    unsubscribe: "退订", account: "服务通知", notice: "通知", no_subject: "（无主题）",
  },
  en: {
    title: "Inbox · sandbox", search: "Find", random: "A random resident", search_hint: "phone, openid or mailbox",
    counters: "What the gateways did", recent: "Newest messages", footer: "The sandbox plays the gateways on this machine: nothing reaches a real phone, WeChat or mailbox.",
    sms: "SMS", wechat: "WeChat", mail: "E-mail", accepted: "accepted", refused: "refused", dropped: "dropped", receipts: "receipts",
    parts: "parts", details: "Details", none: "no message on this channel for this resident", empty: "No messages yet. Send a drill, and what residents get appears here.",
    nobody: "No message to this address in the inbox", failed: "not delivered", lost: "The sandbox does not answer; trying again ...", html: "HTML", text: "Text",
    reply: "Reply", reply_hint: "Reply as this resident: 收到, 退订", replied: "Replied as this resident", not_replied: "Nobody is connected who takes replies",
    unsubscribe: "Unsubscribe", account: "Service notification", notice: "Notice", no_subject: "(no subject)",
  },
};
// What WeChat shows in place of the field names is fixed when a template is registered. These are the registered ones.
const ACTIVITY = { title: "科普活动通知", thing1: "活动名称", thing2: "活动地点", thing3: "活动时间", thing4: "温馨提示" };
const TEMPLATES = { TM00001: ACTIVITY, TM00002: ACTIVITY, TM00003: ACTIVITY, TM00004: ACTIVITY };
const KINDS = { thing: "事项", time: "时间", date: "日期", phrase: "状态", name: "姓名", number: "数量", character_string: "编号", const: "说明" };
const CHANNELS = ["sms", "wechat", "mail"];
const COUNTS = ["accepted", "refused", "dropped", "receipts"];

const query = new URLSearchParams(location.search);
const language = query.get("lang") || (navigator.language.startsWith("zh") ? "zh" : "en");
const words = WORDS[language] || WORDS.en;
const byId = (id) => document.getElementById(id);

// An element with attributes, listeners (functions) and children; texts become text nodes.
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

async function ask(path) {
  const answer = await fetch(path);
  if (!answer.ok && answer.status !== 404) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

function notice(text) {
  byId("notice").textContent = text || "";
  byId("notice").hidden = !text;
}

const clock = (item) => item.time.slice(11, 16);
const dayAndClock = (item) => `${item.time.slice(5, 10)} ${clock(item)}`;
const failure = (item) => item.failure ? make("span", { class: "failed", title: item.failure }, `${words.failed} · ${item.failure}`) : null;
const lostClass = (item) => (item.failure ? "lost" : null);

// -- one message on each channel ---------------------------------------------------------------------

const smsText = (item) => (item.signature ? `【${item.signature}】${item.text}` : item.text);

function smsBubble(item) {
  return make("li", {},
    make("p", { class: "when" }, dayAndClock(item)),
    make("div", { class: lostClass(item) }, make("div", { class: "bubble" }, smsText(item))),
    make("p", { class: "parts" }, item.parts === 1 && language === "en" ? "1 part" : `${item.parts} ${words.parts}`),
    failure(item));
}

function fieldLabel(template, key) {
  return template?.[key] || KINDS[key.replace(/\d+$/, "")] || key;
}

// Only web addresses become links.
function cardFoot(url) {
  if (!url || !/^https?:\/\//.test(url)) return null;
  return make("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, words.details);
}

const wechatFields = (item) => Object.entries(item.fields || {});
const wechatText = (item) => wechatFields(item).map(([, field]) => field.value).join(" · ");

function wechatCard(item) {
  const template = TEMPLATES[item.template_id];
  const rows = wechatFields(item).flatMap(([key, field]) => [make("dt", {}, fieldLabel(template, key)), make("dd", {}, String(field.value))]);
  return make("li", {},
    make("p", { class: "when" }, dayAndClock(item)),
    make("div", { class: `cardlet ${lostClass(item) || ""}` }, make("h3", {}, template?.title || words.notice), make("dl", {}, rows), cardFoot(item.url)),
    failure(item));
}

function mailBody(item, asHtml) {
  if (asHtml) return make("iframe", { sandbox: "", src: `/inbox/mail?number=${item.number}`, title: item.subject || words.no_subject, referrerpolicy: "no-referrer" });
  return make("pre", {}, item.text || "");
}

function letter(item) {
  const place = make("div", { class: "letter" });
  function show(asHtml) {
    const tab = (label, html) => make("button", { type: "button", "aria-pressed": String(asHtml === html), click: () => show(html) }, label);
    place.replaceChildren(
      make("header", {},
        make("h3", {}, item.subject || words.no_subject),
        make("div", { class: "from" }, make("span", {}, item.from || item.sender), make("time", {}, dayAndClock(item)))),
      item.has_html ? make("div", { class: "tabs" }, tab(words.html, true), tab(words.text, false)) : "",
      mailBody(item, asHtml),
      item.unsubscribe ? make("p", {}, make("a", { href: item.unsubscribe, target: "_blank", rel: "noreferrer" }, words.unsubscribe)) : "");
  }
  show(item.has_html);
  return place;
}

// -- the panes ---------------------------------------------------------------------------------------

// The resident writes back.
function replyBox(address) {
  const text = make("input", { name: "text", maxlength: 70, required: "", autocomplete: "off", "aria-label": words.reply_hint, placeholder: words.reply_hint });
  return make("form", { class: "reply", submit: async (event) => {
    event.preventDefault();
    const answer = await fetch("/inbox/reply", { method: "POST", body: JSON.stringify({ address, text: text.value }) });
    notice(answer.ok ? words.replied : words.not_replied);
    if (answer.ok) text.value = "";
  } }, text, make("button", { type: "submit" }, words.reply));
}

function smsScreen(items) {
  return [make("div", { class: "top" }, items[0].signature, make("small", {}, words.sms)), make("ol", { class: "thread" }, [...items].reverse().map(smsBubble)),
    replyBox(items[0].address)];
}

function wechatScreen(items) {
  return [make("div", { class: "top" }, words.account), make("ol", { class: "thread" }, [...items].reverse().map(wechatCard))];
}

function mailScreen(items) {
  const place = make("div", { class: "letter" }, letter(items[0]));
  const open = (item, button) => {
    for (const other of list.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
    place.replaceChildren(letter(item));
  };
  const list = make("ul", { class: "letters", hidden: items.length === 1 && "" }, items.map((item, index) =>
    make("li", {}, make("button", { type: "button", "aria-pressed": String(index === 0), click: (event) => open(item, event.currentTarget) }, item.subject || words.no_subject))));
  return [list, place];
}

const SCREENS = { sms: smsScreen, wechat: wechatScreen, mail: mailScreen };

function pane(channel, shown) {
  const items = shown?.items || [];
  const screen = items.length ? SCREENS[channel](items) : [make("p", { class: "empty" }, words.none)];
  return make("section", { class: `pane ${channel}`, "aria-label": words[channel] },
    make("p", { class: "whose" }, make("b", {}, words[channel]), shown ? ` ${shown.address}` : ""),
    make("div", { class: "phone" }, make("div", { class: "clock", "aria-hidden": "true" }, items.length ? clock(items[0]) : "--:--"), screen));
}

let resident = null; // an address of the one who is shown

function remember(channels) {
  const first = CHANNELS.find((channel) => channels[channel]);
  resident = first ? channels[first].address : null;
  byId("address").value = resident || "";
  history.replaceState(null, "", `/?${new URLSearchParams({ lang: language, ...(resident && { address: resident }) })}`);
}

function show(channels) {
  byId("panes").replaceChildren(...CHANNELS.map((channel) => pane(channel, channels[channel])));
  for (const thread of document.querySelectorAll(".thread")) thread.scrollTop = thread.scrollHeight;
}

async function visit(condition) {
  try {
    const { channels } = await ask(`/inbox/resident?${new URLSearchParams(condition)}`);
    const found = Object.keys(channels).length > 0;
    notice(found ? "" : condition.address ? words.nobody : words.empty);
    if (found) remember(channels);
    if (found || resident === null) show(channels);
  } catch {
    notice(words.lost);
  }
}

// -- numbers and the list ----------------------------------------------------------------------------

function sparkline(values) {
  const most = Math.max(1, ...values);
  const points = values.map((value, index) => `${(index * 100 / (values.length - 1)).toFixed(1)},${(28 - value * 26 / most).toFixed(1)}`).join(" ");
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  svg.setAttribute("viewBox", "0 0 100 30");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  line.setAttribute("points", points);
  svg.append(line);
  return svg;
}

function counter(channel, counts) {
  const shown = COUNTS.filter((name) => !(name === "receipts" && channel === "mail") && !(name === "dropped" && counts.dropped === 0));
  return make("article", { class: `counter ${channel}` },
    make("h2", {}, words[channel]),
    make("dl", {}, shown.map((name) => make("div", {}, make("dt", {}, words[name]), make("dd", {}, counts[name].toLocaleString(language))))),
    sparkline(counts.minute));
}

const SUMMARY = { sms: smsText, wechat: wechatText, mail: (item) => item.subject || words.no_subject };

function recentRow(item) {
  return make("li", { class: item.channel }, make("button", { type: "button", click: () => visit({ number: item.number }) },
    make("span", { class: "who" }, make("span", {}, item.address), make("time", {}, clock(item))),
    make("span", { class: "what" }, SUMMARY[item.channel](item))));
}

let newest = 0;

async function refresh() {
  try {
    const [counters, { items }] = await Promise.all([ask("/inbox/counters"), ask("/inbox/recent?limit=40")]);
    byId("counters").replaceChildren(...CHANNELS.map((channel) => counter(channel, counters.channels[channel])));
    if (items.length > 0 && items[0].number !== newest) {
      newest = items[0].number;
      byId("recent").replaceChildren(...items.map(recentRow));
    }
    if (resident === null && items.length > 0) await visit({});
    if (byId("notice").textContent === words.lost) notice("");
  } catch {
    notice(words.lost);
  }
  setTimeout(refresh, 1500);
}

function start() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = words.title;
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = words[element.dataset.word];
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", words[element.dataset.label]);
    if (element.tagName === "INPUT") element.placeholder = words[element.dataset.label];
  }
  document.querySelector(`.languages a[lang="${language}"]`)?.setAttribute("aria-current", "true");
  byId("random").addEventListener("click", () => visit({}));
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    visit({ address: byId("address").value.trim() });
  });
  show({});
  visit(query.get("address") ? { address: query.get("address") } : {});
  refresh();
}

start();
