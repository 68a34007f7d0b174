-- For vim.lsp.enable("shale"), Neovim 0.11 and later.
return {
  cmd = { "shale", "lsp" },
  filetypes = { "dockerfile" },
  root_markers = { ".shale.toml", ".git" },
  on_attach = function(_, bufnr)
    require("shale").attach(bufnr)
  end,
}
