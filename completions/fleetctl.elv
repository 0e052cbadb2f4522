
set edit:completion:arg-completer[fleetctl] = { |@words|
    var index = (count $words)
    set index = (- $index 1)

    put (env _CLAP_IFS="\n" _CLAP_COMPLETE_INDEX=(to-string $index) FLEETCTL_COMPLETE="elvish" fleetctl -- $@words) | to-lines
}

