-- Starts `shale lsp` for Dockerfiles. Neovim 0.10 or later; with 0.11 and later,
-- vim.lsp.enable("shale") starts it, too, by ../lsp/shale.lua.

local M = {}

M.kind = "source.fixAll.shale"

local defaults = {
  cmd = { "shale", "lsp" },
  filetypes = { "dockerfile" },
  fix_on_save = false,
  settings = nil,
}

local function root(bufnr)
  local name = vim.api.nvim_buf_get_name(bufnr)
  if name == "" then
    return nil
  end
  return vim.fs.root(bufnr, { ".shale.toml", ".git" }) or vim.fs.dirname(name)
end

-- Asks one server and waits; Neovim 0.11 made a method of it. Other servers on the
-- buffer may be slow, and would not know what to do with Shale's actions.
local function request(client, ...)
  if vim.fn.has("nvim-0.11") == 1 then
    return client:request_sync(...)
  end
  return client.request_sync(...)
end

--- Makes every safe fix in a buffer and waits for it, a second at most or as
--- many milliseconds as `timeout` says.
function M.fix_all(bufnr, timeout)
  bufnr = bufnr or vim.api.nvim_get_current_buf()
  local deadline = vim.uv.hrtime() / 1e6 + (timeout or 1000)
  for _, client in ipairs(vim.lsp.get_clients({ bufnr = bufnr, name = "shale" })) do
    local params = {
      textDocument = vim.lsp.util.make_text_document_params(bufnr),
      range = { start = { line = 0, character = 0 }, ["end"] = { line = 0, character = 0 } },
      context = { only = { M.kind }, diagnostics = {} },
    }
    local function ask(method, what)
      local left = math.max(1, math.floor(deadline - vim.uv.hrtime() / 1e6))
      local reply, why = request(client, method, what, left, bufnr)
      if not reply or reply.err then
        why = reply and reply.err.message or why or "no answer"
        vim.notify("shale: " .. why, vim.log.levels.WARN)
        return nil
      end
      return reply.result
    end
    for _, action in ipairs(ask("textDocument/codeAction", params) or {}) do
      if action.kind == M.kind then
        if not action.edit then
          action = ask("codeAction/resolve", action) or {}
        end
        if action.edit then
          vim.lsp.util.apply_workspace_edit(action.edit, client.offset_encoding)
        end
      end
    end
  end
end

--- Gives a buffer the command :ShaleFix.
function M.attach(bufnr)
  vim.api.nvim_buf_create_user_command(bufnr, "ShaleFix", function()
    M.fix_all(bufnr)
  end, { desc = "Make every safe fix of Shale's" })
end

--- Options: `cmd`, `filetypes`, `fix_on_save`, `settings`.
function M.setup(opts)
  opts = vim.tbl_extend("force", defaults, opts or {})
  local group = vim.api.nvim_create_augroup("shale", { clear = true })
  vim.api.nvim_create_autocmd("FileType", {
    group = group,
    pattern = opts.filetypes,
    callback = function(event)
      vim.lsp.start({ name = "shale", cmd = opts.cmd, root_dir = root(event.buf), settings = opts.settings }, { bufnr = event.buf })
    end,
  })
  vim.api.nvim_create_autocmd("LspAttach", {
    group = group,
    callback = function(event)
      local client = vim.lsp.get_client_by_id(event.data.client_id)
      if not client or client.name ~= "shale" then
        return
      end
      M.attach(event.buf)
      if opts.fix_on_save then
        vim.api.nvim_clear_autocmds({ group = group, event = "BufWritePre", buffer = event.buf })
        vim.api.nvim_create_autocmd("BufWritePre", {
          group = group,
          buffer = event.buf,
          callback = function()
            M.fix_all(event.buf)
          end,
        })
      end
    end,
  })
end

return M
