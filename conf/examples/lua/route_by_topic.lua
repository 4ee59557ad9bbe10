-- Sends each topic to the chat of the team that its first segment names, if there is one.

local CHATS = {search = "search-chat"}

function route(notification)
  local team = notification.topic:match("^[^.]+")
  local chat = CHATS[team]
  if chat == nil then return nil end -- no opinion: the routes below decide
  return {outputs = {chat}, continue = notification.rank >= 6}
end
