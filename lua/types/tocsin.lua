---@meta
-- What the gateway gives to scripts, for editors that read LuaLS annotations. Nothing loads it. The
-- modules that scripts require (tocsin.text and others) are annotated in their own files: put the
-- folder lua/ into the editor's `workspace.library`.

--- What came in. It cannot be changed: adding a field, a label or a recipient is an error where it is
--- done; writing over one in `labels` or `to` is an error of a filter or a route once it returns (of an
--- output the tables serve one attempt, which alone sees it). `data` is decoded for each call: a table
--- of the script's own, which nobody else sees.
---@class tocsin.Notification
---@field topic string
---@field level "trace"|"debug"|"info"|"notice"|"warning"|"error"|"critical"|"emergency"
---@field rank integer 0 for trace to 7 for emergency
---@field title string empty when absent, as are body, key and external_id
---@field body string
---@field key string
---@field external_id string
---@field labels table<string, string>
---@field to string[] "kind:value"
---@field data any what the JSON says; nil when absent
---@field deliver_at integer? milliseconds since 1970
---@field expires_at integer?
---@field identity string filters only: the same again is the same notification, never its duplicate

---@class tocsin.Attempt
---@field id string the delivery's id, the same on every attempt
---@field notification_id string
---@field number integer counts from 1
---@field address string "kind:value", or empty: the output's own
---@field payload string the notification's wire text, JSON
---@field accepted_at integer milliseconds since 1970
---@field notification tocsin.Notification

---@class tocsin.Filter
---@field on_message fun(notification: tocsin.Notification): "pass"|"drop"|nil, integer?, string? a reservation, and why for `tocsin explain`
---@field on_outcome? fun(reservation: integer, committed: boolean)
---@field reconfigure? fun(cfg: table): nil, string?, string? takes other values of reloadable options; nil, why, key: refused

---@alias tocsin.Verdict "delivered"|"retry"|"throttled"|"rejected"|"target_gone"|"ambiguous"|"unauthorized"|"internal"

---@class tocsin.VerdictDetail
---@field reason? string
---@field after_ms? number retry, throttled: what the receiver asked for
---@field scope? "address"|"output"|"account"
---@field provider_id? string

---@class tocsin.Output
---@field deliver fun(attempt: tocsin.Attempt): tocsin.Verdict, tocsin.VerdictDetail?
---@field reconfigure? fun(cfg: table): nil, string?, string? takes other values of reloadable options; nil, why, key: refused
---@field traits? {address_kind?: string, has_own_address?: boolean, idempotent?: boolean, account?: string}

---@class tocsin.Option
---@field key string
---@field type? "boolean"|"integer"|"number"|"string"|"duration"|"size"|"rate"|"byte_rate"|"choice"|"address"|"list"|"map"|"table"|"any"
---@field doc string
---@field default? string|number|boolean as an operator would write it
---@field min? string|number
---@field max? string|number
---@field choices? string[]
---@field required? boolean
---@field secret? boolean
---@field reloadable? boolean
---@field template? boolean a text for tocsin.template: what is wrong with it is told where it stands
---@field element? tocsin.Option of lists and maps
---@field options? tocsin.Option[] of tables

---@class tocsin.Plugin
---@field name string
---@field kind "filter"|"output"
---@field doc string
---@field version? string
---@field options? tocsin.Option[]
---@field scalar_key? string
---@field exactly_one_of? string
---@field create fun(cfg: table): tocsin.Filter|tocsin.Output

---@class tocsin.Opinion what a routing script returns, or a name, or a list of names, or nil
---@field outputs string|string[]
---@field to? string|string[] instead of the notification's recipients
---@field delay? string|number a duration such as "5m", or milliseconds
---@field priority? "critical"|"normal" instead of what the level says
---@field continue? boolean ask the routes below as well
---@field reason? string why, for `tocsin explain`

tocsin = {}

---@return integer milliseconds since 1970
function tocsin.now() end

---@param ms? integer
---@return string "2026-01-31T23:59:59.123Z"
function tocsin.iso(ms) end

---Lets the loop go on meanwhile.
---@param ms number
function tocsin.sleep(ms) end

---128 bits that stand for a text, such as one that is too long for a key.
---@param text string
---@return string digits 32 of them
function tocsin.digest(text) end

---@param text string with places such as {{topic}} and {{labels.team}}
---@param escape? "none"|"html"|"json"|"url"|"slack"
---@return fun(notification: tocsin.Notification): string
function tocsin.template(text, escape) end

tocsin.log = {}
---@param text any
---@param fields? table<string, any>
function tocsin.log.debug(text, fields) end
---@param text any
---@param fields? table<string, any>
function tocsin.log.info(text, fields) end
---@param text any
---@param fields? table<string, any>
function tocsin.log.warning(text, fields) end
---@param text any
---@param fields? table<string, any>
function tocsin.log.error(text, fields) end

tocsin.json = {}
tocsin.json.null = nil ---@type lightuserdata
---@param value any
---@return string
function tocsin.json.encode(value) end
---@param text string
---@return any value or nil
---@return string? why not
function tocsin.json.decode(text) end
---Marks a table as an array, also when it is empty.
---@param list? table
---@return table
function tocsin.json.array(list) end

---State that all loops of the gateway share; keys are the instance's own.
tocsin.kv = {}
---@param key string
---@return string?
function tocsin.kv.get(key) end
---@param key string
---@param value string
---@param ttl_ms integer
---@return boolean, "done"|"full"|"too_large"
function tocsin.kv.put(key, value, ttl_ms) end
---@param key string
---@param by integer
---@param ttl_ms integer from the first addition
---@return integer? sum
function tocsin.kv.incr(key, by, ttl_ms) end
---Reserves a key for 30 s; confirm or undo it in on_outcome.
---@param key string
---@param value? string
---@return {outcome: "done"|"present"|"full"|"too_large", token?: integer, value?: string, confirmed?: boolean}
function tocsin.kv.add_if_absent(key, value) end
---@param key string
---@param token integer
---@param ttl_ms integer
---@return boolean
function tocsin.kv.confirm(key, token, ttl_ms) end
---@param key string
---@param token integer
---@return boolean
function tocsin.kv.undo(key, token) end

---@class tocsin.Response
---@field status integer
---@field headers table<string, string> by lower-case names
---@field body string at most 1 MiB

---@class tocsin.Problem
---@field what string
---@field kind "connect"|"timeout"|"cut"|"protocol"
---@field sent boolean false: certainly nothing left this host
---@field idempotent boolean

tocsin.http = {}
---Lets the loop go on until the answer is there.
---@param request {url: string, method?: string, headers?: table<string, string>, body?: string, timeout_ms?: integer, idempotent?: boolean}
---@return tocsin.Response?
---@return tocsin.Problem?
function tocsin.http.request(request) end
---What an answer means for a delivery, the same for every output.
---@param response tocsin.Response?
---@param problem tocsin.Problem?
---@return tocsin.Verdict
---@return tocsin.VerdictDetail
function tocsin.http.verdict(response, problem) end
