-- For vim.lsp.enable("shale"), Neovim 0.11 and later.
return {
  cmd = { "shale", "lsp" },
  filetypes = { "dockerfile" },
  root_markers = { ".shale.toml", ".git" },
}
