-- Run by ../test.sh inside Neovim; $SHALE_TEST is the folder with everything.

local top = os.getenv("SHALE_TEST")
local shale = top .. "/shale"

local function check(ok, message, ...)
  if not ok then
    error(message:format(...), 2)
  end
end

local function say(message, ...)
  io.stdout:write("ok: " .. message:format(...) .. "\n")
end

local function text()
  return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n") .. "\n"
end

local function await(what, f)
  check(vim.wait(20000, f, 10), "waited in vain for %s; the text is\n%s\nthe diagnostics are %s", what, text(), vim.inspect(vim.diagnostic.get(0)))
end

local function found(code)
  return vim.tbl_filter(function(d)
    return d.code == code
  end, vim.diagnostic.get(0))
end

local function edit(name, content)
  local path = top .. "/project/" .. name
  local f = assert(io.open(path, "wb"))
  f:write(content)
  f:close()
  vim.cmd("silent edit " .. path)
  check(vim.bo.filetype == "dockerfile", "the filetype of %s is %q", name, vim.bo.filetype)
end

local function fixed(content)
  return vim.system({ shale, "fix", "--exit-zero", "-" }, { stdin = content }):wait().stdout
end

local function main()
  vim.o.hidden = true
  vim.cmd("filetype on")
  vim.opt.runtimepath:append(top .. "/nvim")
  require("shale").setup({ cmd = { shale, "lsp" } })

  -- Findings, in a text whose bytes, UTF-16 units and characters differ.
  edit("Dockerfile", [[
# Für 😀 Übersetzer
FROM debian:12
ENV NAME="é😀"
RUN echo é😀 && apt-get update && apt-get install -y --no-install-recommends curl
CMD ["é"]
]])
  await("findings", function()
    return #found("package-cache") == 1
  end)
  local client = vim.lsp.get_clients({ name = "shale" })[1]
  local d = found("package-cache")[1]
  check(d.source == "shale" and d.lnum == 3 and #d.message > 20, "the finding is %s", vim.inspect(d))
  local underlined = vim.api.nvim_buf_get_text(0, d.lnum, d.col, d.end_lnum, d.end_col, {})[1]
  say("%s (%s) at line %d, under %q", d.code, client.offset_encoding, d.lnum + 1, underlined)

  -- Findings follow what is typed, and a line half typed hides none.
  vim.api.nvim_buf_set_lines(0, 4, 4, false, { "😀 half" })
  await("a syntax error beside the finding", function()
    return #found("syntax") == 1 and #found("package-cache") == 1
  end)
  check(found("syntax")[1].lnum == 4, "the syntax error is at %d", found("syntax")[1].lnum)
  vim.api.nvim_buf_set_lines(0, 4, 5, false, {})
  await("the syntax error to go", function()
    return #found("syntax") == 0 and #found("package-cache") == 1
  end)
  say("a half-typed line keeps the other findings")

  -- A quick fix.
  local before = text()
  vim.api.nvim_win_set_cursor(0, { d.lnum + 1, d.col })
  vim.lsp.buf.code_action({
    apply = true,
    filter = function(a)
      return a.kind == "quickfix" and a.isPreferred
    end,
  })
  await("the quick fix", function()
    return text() ~= before
  end)
  check(text() == fixed(before), "the quick fix gives\n%s", text())
  await("no findings", function()
    return #found("package-cache") == 0
  end)
  say("the quick fix:\n%s", text())

  -- All safe fixes.
  vim.cmd("silent undo")
  check(text() == before, "undo gives\n%s", text())
  vim.cmd("ShaleFix")
  check(text() == fixed(before), ":ShaleFix gives\n%s", text())
  say(":ShaleFix does what shale fix does")

  -- Another server on the buffer, which does not answer, holds nothing up.
  local gone = false
  local function mute()
    return {
      request = function(method, _, callback)
        if method == "initialize" then
          callback(nil, { capabilities = { codeActionProvider = true } })
        elseif method == "shutdown" then
          callback(nil, nil)
        end
        return true, 1
      end,
      notify = function(method)
        gone = gone or method == "exit"
        return true
      end,
      is_closing = function()
        return gone
      end,
      terminate = function()
        gone = true
      end,
    }
  end
  vim.lsp.start({ name = "mute", cmd = mute })
  await("the mute server", function()
    return #vim.lsp.get_clients({ name = "mute", bufnr = 0 }) == 1
  end)
  vim.cmd("silent undo")
  check(text() == before, "undo gives\n%s", text())
  vim.cmd("ShaleFix")
  check(text() == fixed(before), ":ShaleFix beside a mute server gives\n%s", text())
  say(":ShaleFix waits for nobody else")

  -- Whenever it is written, with a DOS file's line ends.
  require("shale").setup({ cmd = { shale, "lsp" }, fix_on_save = true })
  edit("Dockerfile.dos", (before:gsub("\n", "\r\n")))
  check(vim.bo.fileformat == "dos", "the file format is %s", vim.bo.fileformat)
  await("findings", function()
    return #found("package-cache") == 1
  end)
  vim.cmd("silent write")
  local f = assert(io.open(vim.api.nvim_buf_get_name(0), "rb"))
  local written = f:read("*a")
  f:close()
  check(written == (fixed(before):gsub("\n", "\r\n")), "written was\n%s", written)
  say("fix on save, with CRLF")

  -- Reading and writing: what an editor asks for, in a text of every width.
  require("shale").setup({ cmd = { shale, "lsp" } })
  edit("Dockerfile.stages", [[
ARG VERSION=1
FROM alpine:$VERSION AS bottom
ENV NAME="é😀"
RUN echo "😀 ${NAME}" \
 && true
FROM scratch
COPY --from=bottom --chmod=644 /a /b
]])
  client = nil
  await("a client", function()
    client = vim.lsp.get_clients({ name = "shale", bufnr = 0 })[1]
    return client ~= nil and client.initialized
  end)
  local function ask(method, line, text, more)
    local params = { textDocument = vim.lsp.util.make_text_document_params(0) }
    if line then
      local from = vim.api.nvim_buf_get_lines(0, line, line + 1, false)[1]:find(text, 1, true) - 1
      vim.api.nvim_win_set_cursor(0, { line + 1, from })
      params = vim.lsp.util.make_position_params(0, client.offset_encoding)
    end
    for k, v in pairs(more or {}) do
      params[k] = v
    end
    local reply = vim.lsp.buf_request_sync(0, method, params, 20000)[client.id]
    check(reply and not reply.err and reply.result, "%s gives %s", method, vim.inspect(reply))
    return reply.result
  end

  check(ask("textDocument/hover", 3, "NAME").contents.value:find("é😀", 1, true), "the hover says no value")
  local labels = {}
  for _, item in ipairs(ask("textDocument/completion", 6, "bottom").items) do
    labels[item.label] = true
  end
  check(labels.bottom and labels["0"], "completed is %s", vim.inspect(labels))
  check(ask("textDocument/definition", 6, "bottom").range.start.line == 1, "the definition is elsewhere")
  check(#ask("textDocument/documentSymbol") == 3, "the outline is %s", vim.inspect(ask("textDocument/documentSymbol")))
  say("hover, completion, definition, outline")

  vim.lsp.inlay_hint.enable(true, { bufnr = 0 })
  await("inlay hints", function()
    local shown = {}
    for _, h in ipairs(vim.lsp.inlay_hint.get({ bufnr = 0 })) do
      shown[h.inlay_hint.label] = true
    end
    return shown["ships"] and shown["does not ship"] and shown["= 1"]
  end)
  say("inlay hints")

  ask("textDocument/prepareRename", 6, "bottom")
  vim.lsp.buf.rename("base")
  await("the rename", function()
    return text():find("AS base\n", 1, true) and text():find("--from=base --chmod", 1, true)
  end)
  ask("textDocument/prepareRename", 3, "NAME")
  vim.lsp.buf.rename("WHO")
  await("the rename", function()
    return text():find('ENV WHO="é😀"', 1, true) and text():find('"😀 ${WHO}"', 1, true)
  end)
  say("rename of a stage and of a variable")

  local laid = vim.system({ shale, "fmt", "-" }, { stdin = (text():gsub(" && true", "&& true")) }):wait().stdout
  vim.api.nvim_buf_set_lines(0, 4, 5, false, { "&& true" })
  vim.lsp.buf.format({ timeout_ms = 20000 })
  check(text() == laid and laid:find("\n    && true\n", 1, true), "formatting gives\n%s\nand shale fmt\n%s", text(), laid)
  say("formatting is that of shale fmt")
  vim.cmd("silent write")

  -- The server leaves when it is told to.
  check(#vim.lsp.get_clients({ name = "shale" }) == 1, "%d servers run", #vim.lsp.get_clients({ name = "shale" }))
  local function leaves()
    local c = vim.lsp.get_clients({ name = "shale" })[1]
    if vim.fn.has("nvim-0.11") == 1 then
      c:stop()
    else
      c.stop()
    end
    await("the server to leave", function()
      return #vim.lsp.get_clients({ name = "shale" }) == 0
    end)
  end
  vim.lsp.inlay_hint.enable(false, { bufnr = 0 })
  leaves()
  say("the server stops")

  -- Neovim's own way to start a server, since 0.11, with the file in ../lsp.
  if vim.fn.has("nvim-0.11") == 1 then
    vim.api.nvim_clear_autocmds({ group = "shale" })
    vim.lsp.config("shale", { cmd = { shale, "lsp" } })
    vim.lsp.enable("shale")
    edit("Dockerfile.enabled", before)
    await("findings", function()
      return #found("package-cache") == 1
    end)
    vim.cmd("ShaleFix")
    check(text() == fixed(before), "all fixes give\n%s", text())
    vim.cmd("silent write")
    leaves()
    say("vim.lsp.config and vim.lsp.enable")
  end
end

local ok, why = xpcall(main, debug.traceback)
if not ok then
  io.stdout:write("not ok: " .. why .. "\n")
  vim.cmd("cquit 1")
end
vim.cmd("qall!")
