# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_fleetctl_global_optspecs
    string join \n server= ca= token-file= org= env= o/output= color= timeout= y/yes q/quiet h/help V/version
end

function __fish_fleetctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_fleetctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_fleetctl_using_subcommand
    set -l cmd (__fish_fleetctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c fleetctl -n "__fish_fleetctl_needs_command" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_needs_command" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_needs_command" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_needs_command" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_needs_command" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_needs_command" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_needs_command" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_needs_command" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_needs_command" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -s V -l version -d 'Print version'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "get" -d 'Show one resource, or all resources of a kind'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "describe" -d 'Show everything about a resource: its fields, who refers to it, and a device\'s readings and commands'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "validate" -d 'Check manifests without fleetd: their text, fields, types, ranges and names'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "fmt" -d 'Give manifests one look: order of the top keys, one --- between documents, no spaces at line ends; comments stay'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "plan" -d 'Show what an apply would do, field by field, and whom it reaches; nothing is changed'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "apply" -d 'Make fleetd\'s resources equal to manifests: all of them in one transaction, or nothing'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "diff" -d 'Show how manifests differ from what fleetd has, field by field'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "drift" -d 'Show where the fleet is not what its manifests say: fields that others changed, devices that run something else'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "pull" -d 'Write what others changed back into the manifests, at its line; comments and all else stay as they are'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "undo" -d 'Take a transaction back: what it changed becomes what it was before'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "rollback" -d 'Make resources, or a whole organization, what they were after a transaction'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "history" -d 'Show who changed what, and when, newest first'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "blame" -d 'Show who owns each field of a resource, and the file, line and commit that its value comes from'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "edit" -d 'Change resources in $EDITOR; what is wrong is shown there until it is right'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "label" -d 'Set or remove labels: ring=canary sets, ring- removes'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "annotate" -d 'Set or remove annotations: note=text sets, note- removes'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "mv" -d 'Rename a resource: it keeps its uid, readings and history, and what refers to it follows'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "delete" -d 'Delete resources: all that is named in one transaction, or nothing'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "explain" -d 'Explain a kind and its fields, as manifests write them'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "schema" -d 'Print the JSON Schema of manifests, for editors; or of what a command prints: schema output COMMAND'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "export" -d 'Print resources as manifests that can be applied again: the whole organization, or some kinds'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "watch" -d 'Follow changes: what there is, then every change as it is committed'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "device" -d 'Enrolment, credentials, commands and logs of devices'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "telemetry" -d 'Readings of devices'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "template" -d 'Work with templates'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "modbus" -d 'Talk to Modbus slaves over the same connections as polling'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "audit" -d 'Who did what, or was refused it'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "log" -d 'What happened: devices that fall silent, buses, certificates, limits; and calls for help'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "login" -d 'Log in; later commands to the same server are yours'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "logout" -d 'End the session at this server'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "setup" -d 'Make the first administrator, with the token that fleetd wrote into its data directory'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "session" -d 'Sessions of people who are logged in'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "user" -d 'Passwords and invitations; users themselves are manifests'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "token" -d 'API tokens: what programs call fleetd with'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "whoami" -d 'Show who you are to fleetd, and what you may do where'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "can-i" -d 'Ask whether something may be done; exit 13 where it may not'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "server" -d 'About fleetd itself'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "version" -d 'Show the version of fleetctl'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "completion" -d 'Print the completion script for a shell'
complete -c fleetctl -n "__fish_fleetctl_needs_command" -f -a "help" -d 'Show help for a command, or about `exit-codes`, `errors [CODE]`, `kinds`, `roles`, `permissions`'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand get" -s l -l selector -d 'Only those whose labels match, such as ring=canary or \'zone in (a,b),!old\'' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand get" -l ref -d 'Only those that refer to this resource, such as site/plant-1' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand get" -l name -d 'Only those whose name matches: * any text, ? one character' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand get" -l limit -d 'At most so many; 0: all' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand get" -l at -d 'As it was then: a revision, or a time' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand get" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand get" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand get" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand get" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand get" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand get" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand get" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand get" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand get" -s A -l all-orgs -d 'Every organization'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand get" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand get" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand describe" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand describe" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand describe" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand describe" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand describe" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand describe" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand describe" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand describe" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand describe" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand describe" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand describe" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand validate" -s f -l file -d 'File or directory of manifests, or - for standard input; repeatable. Without it: what fleetctl.yaml includes' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand validate" -l report -d 'Tell problems to a pipeline, too: github, markdown, junit, sarif or json, with =FILE into a file; repeatable' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand validate" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand validate" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand validate" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand validate" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand validate" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand validate" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand validate" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand validate" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand validate" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand validate" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand validate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand fmt" -s f -l file -d 'File or directory of manifests, or - for standard input; repeatable. Without it: what fleetctl.yaml includes' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand fmt" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand fmt" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand fmt" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand fmt" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand fmt" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand fmt" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand fmt" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand fmt" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand fmt" -l check -d 'Write nothing; exit 10 where a file would change'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand fmt" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand fmt" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand fmt" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand plan" -s f -l file -d 'File or directory of manifests (directories with all below them, links to directories not followed), or - for standard input; repeatable. Without it: what fleetctl.yaml includes' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand plan" -l apply-set -d 'Own the submitted fields and resources as this source of manifests, instead of as yourself' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand plan" -l max-delete -d 'Most resources that may be deleted; by default the greater of 10 and a tenth of the apply set' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand plan" -l report -d 'Tell problems to a pipeline, too: github, markdown, junit, sarif or json, with =FILE into a file; repeatable' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand plan" -l out -d 'Write the plan to a file, for `fleetctl apply --plan FILE`' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand plan" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand plan" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand plan" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand plan" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand plan" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand plan" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand plan" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand plan" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand plan" -l prune -d 'Delete members of the apply set that are not submitted; what fleetctl.yaml includes is always the whole set'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand plan" -l take -d 'Change fields that somebody else owns, and own them'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand plan" -l yield -d 'Leave fields that somebody else owns as they are'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand plan" -l exit-code -d 'Exit 10 where there are changes, 11 where something would be deleted'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand plan" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand plan" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand plan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand apply" -s f -l file -d 'File or directory of manifests (directories with all below them, links to directories not followed), or - for standard input; repeatable. Without it: what fleetctl.yaml includes' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand apply" -l apply-set -d 'Own the submitted fields and resources as this source of manifests, instead of as yourself' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand apply" -l max-delete -d 'Most resources that may be deleted; by default the greater of 10 and a tenth of the apply set' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand apply" -l report -d 'Tell problems to a pipeline, too: github, markdown, junit, sarif or json, with =FILE into a file; repeatable' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand apply" -l plan -d 'Apply a plan that `fleetctl plan --out FILE` saved: what was looked at, or nothing' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand apply" -l wait -d 'Then wait until the devices that it reaches run the new configuration, at most so long' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand apply" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand apply" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand apply" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand apply" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand apply" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand apply" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand apply" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand apply" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand apply" -l prune -d 'Delete members of the apply set that are not submitted; what fleetctl.yaml includes is always the whole set'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand apply" -l take -d 'Change fields that somebody else owns, and own them'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand apply" -l yield -d 'Leave fields that somebody else owns as they are'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand apply" -l dry-run -d 'Do everything but commit'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand apply" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand apply" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand apply" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand diff" -s f -l file -d 'File or directory of manifests (directories with all below them, links to directories not followed), or - for standard input; repeatable. Without it: what fleetctl.yaml includes' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand diff" -l apply-set -d 'Own the submitted fields and resources as this source of manifests, instead of as yourself' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand diff" -l max-delete -d 'Most resources that may be deleted; by default the greater of 10 and a tenth of the apply set' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand diff" -l report -d 'Tell problems to a pipeline, too: github, markdown, junit, sarif or json, with =FILE into a file; repeatable' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand diff" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand diff" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand diff" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand diff" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand diff" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand diff" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand diff" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand diff" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand diff" -l prune -d 'Delete members of the apply set that are not submitted; what fleetctl.yaml includes is always the whole set'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand diff" -l take -d 'Change fields that somebody else owns, and own them'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand diff" -l yield -d 'Leave fields that somebody else owns as they are'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand diff" -l exit-code -d 'Exit 10 where there are differences'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand diff" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand diff" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand drift" -s f -l file -d 'File or directory of manifests (directories with all below them, links to directories not followed), or - for standard input; repeatable. Without it: what fleetctl.yaml includes' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand drift" -l apply-set -d 'Own the submitted fields and resources as this source of manifests, instead of as yourself' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand drift" -l max-delete -d 'Most resources that may be deleted; by default the greater of 10 and a tenth of the apply set' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand drift" -l report -d 'Tell problems to a pipeline, too: github, markdown, junit, sarif or json, with =FILE into a file; repeatable' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand drift" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand drift" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand drift" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand drift" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand drift" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand drift" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand drift" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand drift" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand drift" -l prune -d 'Delete members of the apply set that are not submitted; what fleetctl.yaml includes is always the whole set'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand drift" -l take -d 'Change fields that somebody else owns, and own them'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand drift" -l yield -d 'Leave fields that somebody else owns as they are'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand drift" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand drift" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand drift" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand pull" -s f -l file -d 'File or directory of manifests (directories with all below them, links to directories not followed), or - for standard input; repeatable. Without it: what fleetctl.yaml includes' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand pull" -l apply-set -d 'Own the submitted fields and resources as this source of manifests, instead of as yourself' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand pull" -l max-delete -d 'Most resources that may be deleted; by default the greater of 10 and a tenth of the apply set' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand pull" -l report -d 'Tell problems to a pipeline, too: github, markdown, junit, sarif or json, with =FILE into a file; repeatable' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand pull" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand pull" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand pull" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand pull" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand pull" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand pull" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand pull" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand pull" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand pull" -l prune -d 'Delete members of the apply set that are not submitted; what fleetctl.yaml includes is always the whole set'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand pull" -l take -d 'Change fields that somebody else owns, and own them'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand pull" -l yield -d 'Leave fields that somebody else owns as they are'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand pull" -l dry-run -d 'Show what would be written'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand pull" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand pull" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand pull" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand undo" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand undo" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand undo" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand undo" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand undo" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand undo" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand undo" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand undo" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand undo" -l dry-run -d 'Do everything but commit'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand undo" -l force -d 'Do it although somebody wrote the same resources since'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand undo" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand undo" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand undo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand rollback" -l to -d 'Revision of the transaction, as `fleetctl history` shows it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand rollback" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand rollback" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand rollback" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand rollback" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand rollback" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand rollback" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand rollback" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand rollback" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand rollback" -l dry-run -d 'Do everything but commit'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand rollback" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand rollback" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand rollback" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand history" -l limit -d 'At most so many; 0: all' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand history" -l revision -d 'Only this transaction' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand history" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand history" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand history" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand history" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand history" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand history" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand history" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand history" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand history" -s A -l all-orgs -d 'Every organization'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand history" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand history" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand blame" -l field -d 'Only fields whose path matches: * any text' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand blame" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand blame" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand blame" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand blame" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand blame" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand blame" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand blame" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand blame" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand blame" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand blame" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand blame" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand edit" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand edit" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand edit" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand edit" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand edit" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand edit" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand edit" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand edit" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand edit" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand edit" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand edit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand label" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand label" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand label" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand label" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand label" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand label" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand label" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand label" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand label" -l dry-run -d 'Do everything but commit'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand label" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand label" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand label" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand annotate" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand annotate" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand annotate" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand annotate" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand annotate" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand annotate" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand annotate" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand annotate" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand annotate" -l dry-run -d 'Do everything but commit'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand annotate" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand annotate" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand annotate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand mv" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand mv" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand mv" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand mv" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand mv" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand mv" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand mv" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand mv" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand mv" -l dry-run -d 'Do everything but commit'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand mv" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand mv" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand mv" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand delete" -s f -l file -d 'Delete what these manifests name; - for standard input; repeatable' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand delete" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand delete" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand delete" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand delete" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand delete" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand delete" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand delete" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand delete" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand delete" -l dry-run -d 'Do everything but commit'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand delete" -l cascade -d 'Take the contents of an organization along'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand delete" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand delete" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand explain" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand explain" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand explain" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand explain" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand explain" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand explain" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand explain" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand explain" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand explain" -l recursive -d 'All fields, at every depth'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand explain" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand explain" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand schema; and not __fish_seen_subcommand_from output" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand schema; and not __fish_seen_subcommand_from output" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand schema; and not __fish_seen_subcommand_from output" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand schema; and not __fish_seen_subcommand_from output" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand schema; and not __fish_seen_subcommand_from output" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand schema; and not __fish_seen_subcommand_from output" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand schema; and not __fish_seen_subcommand_from output" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand schema; and not __fish_seen_subcommand_from output" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand schema; and not __fish_seen_subcommand_from output" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand schema; and not __fish_seen_subcommand_from output" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand schema; and not __fish_seen_subcommand_from output" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand schema; and not __fish_seen_subcommand_from output" -a "output" -d 'Print the JSON Schema of what a command prints with -o json'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand schema; and __fish_seen_subcommand_from output" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand schema; and __fish_seen_subcommand_from output" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand schema; and __fish_seen_subcommand_from output" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand schema; and __fish_seen_subcommand_from output" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand schema; and __fish_seen_subcommand_from output" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand schema; and __fish_seen_subcommand_from output" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand schema; and __fish_seen_subcommand_from output" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand schema; and __fish_seen_subcommand_from output" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand schema; and __fish_seen_subcommand_from output" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand schema; and __fish_seen_subcommand_from output" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand schema; and __fish_seen_subcommand_from output" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand export" -s l -l selector -d 'Only those whose labels match, such as ring=canary or \'zone in (a,b),!old\'' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand export" -l ref -d 'Only those that refer to this resource, such as site/plant-1' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand export" -l name -d 'Only those whose name matches: * any text, ? one character' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand export" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand export" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand export" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand export" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand export" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand export" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand export" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand export" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand export" -s A -l all-orgs -d 'Every organization'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand export" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand export" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand watch" -s l -l selector -d 'Only those whose labels match, such as ring=canary or \'zone in (a,b),!old\'' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand watch" -l ref -d 'Only those that refer to this resource, such as site/plant-1' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand watch" -l name -d 'Only those whose name matches: * any text, ? one character' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand watch" -l from-revision -d 'Resume behind this revision instead of showing what there is' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand watch" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand watch" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand watch" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand watch" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand watch" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand watch" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand watch" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand watch" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand watch" -s A -l all-orgs -d 'Every organization'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand watch" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand watch" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and not __fish_seen_subcommand_from claim-token enroll decommission credential command logs" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and not __fish_seen_subcommand_from claim-token enroll decommission credential command logs" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and not __fish_seen_subcommand_from claim-token enroll decommission credential command logs" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and not __fish_seen_subcommand_from claim-token enroll decommission credential command logs" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and not __fish_seen_subcommand_from claim-token enroll decommission credential command logs" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and not __fish_seen_subcommand_from claim-token enroll decommission credential command logs" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and not __fish_seen_subcommand_from claim-token enroll decommission credential command logs" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and not __fish_seen_subcommand_from claim-token enroll decommission credential command logs" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and not __fish_seen_subcommand_from claim-token enroll decommission credential command logs" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and not __fish_seen_subcommand_from claim-token enroll decommission credential command logs" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and not __fish_seen_subcommand_from claim-token enroll decommission credential command logs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and not __fish_seen_subcommand_from claim-token enroll decommission credential command logs" -f -a "claim-token" -d 'Tokens with which devices provision themselves'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and not __fish_seen_subcommand_from claim-token enroll decommission credential command logs" -f -a "enroll" -d 'Make a device before it is there, with a claim token for it alone, which is shown here and never again'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and not __fish_seen_subcommand_from claim-token enroll decommission credential command logs" -f -a "decommission" -d 'Take a device out of service: it becomes inactive, its credentials end at once, its waiting commands expire'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and not __fish_seen_subcommand_from claim-token enroll decommission credential command logs" -f -a "credential" -d 'Tokens and certificates with which a device calls'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and not __fish_seen_subcommand_from claim-token enroll decommission credential command logs" -f -a "command" -d 'Commands to a device'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and not __fish_seen_subcommand_from claim-token enroll decommission credential command logs" -f -a "logs" -d 'Show what a device logged, oldest first'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from claim-token" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from claim-token" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from claim-token" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from claim-token" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from claim-token" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from claim-token" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from claim-token" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from claim-token" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from claim-token" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from claim-token" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from claim-token" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from claim-token" -f -a "create" -d 'Make a token; it is shown here and never again'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from claim-token" -f -a "list" -d 'Show claim tokens, newest first; never the secrets'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from claim-token" -f -a "revoke" -d 'End a token'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from enroll" -l site -d 'Where it will be' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from enroll" -l model -d 'The maker\'s name of the model, as the device says it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from enroll" -l name -d 'Name of the device; without it the hardware id, without separators' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from enroll" -l expires -d 'Until when the claim token may be used, such as 30m or 7d' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from enroll" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from enroll" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from enroll" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from enroll" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from enroll" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from enroll" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from enroll" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from enroll" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from enroll" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from enroll" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from enroll" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from decommission" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from decommission" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from decommission" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from decommission" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from decommission" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from decommission" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from decommission" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from decommission" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from decommission" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from decommission" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from decommission" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from credential" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from credential" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from credential" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from credential" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from credential" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from credential" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from credential" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from credential" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from credential" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from credential" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from credential" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from credential" -f -a "list" -d 'Show tokens and certificates, newest first; never the secrets'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from credential" -f -a "revoke" -d 'End a token or certificate, at once'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from credential" -f -a "rotate" -d 'Make another token beside the newest one; it is shown here and never again'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from command" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from command" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from command" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from command" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from command" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from command" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from command" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from command" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from command" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from command" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from command" -f -a "send" -d 'Queue a command; the device gets it with its next heartbeat'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from command" -f -a "list" -d 'Show commands, newest first'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from logs" -l from -d 'From: RFC 3339, epoch milliseconds, or an age such as -1h' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from logs" -l to -d 'Until, exclusive' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from logs" -l level -d 'At least this level' -r -f -a "debug\t''
info\t''
warning\t''
error\t''
help\t''"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from logs" -l limit -d 'The newest so many' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from logs" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from logs" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from logs" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from logs" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from logs" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from logs" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from logs" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from logs" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from logs" -l follow -d 'Go on with new lines'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from logs" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from logs" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand device; and __fish_seen_subcommand_from logs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and not __fish_seen_subcommand_from latest query summary tail" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and not __fish_seen_subcommand_from latest query summary tail" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and not __fish_seen_subcommand_from latest query summary tail" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and not __fish_seen_subcommand_from latest query summary tail" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and not __fish_seen_subcommand_from latest query summary tail" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and not __fish_seen_subcommand_from latest query summary tail" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and not __fish_seen_subcommand_from latest query summary tail" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and not __fish_seen_subcommand_from latest query summary tail" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and not __fish_seen_subcommand_from latest query summary tail" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and not __fish_seen_subcommand_from latest query summary tail" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and not __fish_seen_subcommand_from latest query summary tail" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and not __fish_seen_subcommand_from latest query summary tail" -f -a "latest" -d 'Show the newest reading of each sensor'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and not __fish_seen_subcommand_from latest query summary tail" -f -a "query" -d 'Show the readings of a sensor, or aggregates by interval'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and not __fish_seen_subcommand_from latest query summary tail" -f -a "summary" -d 'Show figures about the readings of a sensor'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and not __fish_seen_subcommand_from latest query summary tail" -f -a "tail" -d 'Follow readings as they are committed'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from latest" -s l -l selector -d 'Instead of one device: those whose labels match' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from latest" -l source -d 'Only this source, such as main:1' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from latest" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from latest" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from latest" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from latest" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from latest" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from latest" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from latest" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from latest" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from latest" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from latest" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from latest" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from query" -l from -d 'From, inclusive: RFC 3339, epoch milliseconds, or an age such as -1h' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from query" -l to -d 'Until, exclusive' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from query" -l every -d 'Width of an interval, such as 5m; without it every reading is shown' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from query" -l agg -d 'What becomes of an interval\'s readings' -r -f -a "mean\t''
avg\t''
min\t''
max\t''
sum\t''
count\t''
first\t''
last\t''"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from query" -l source -d 'Only this source, such as main:1' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from query" -l limit -d 'At most so many readings; 0: all' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from query" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from query" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from query" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from query" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from query" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from query" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from query" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from query" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from query" -l raw -d 'Every reading (the default without --every)'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from query" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from query" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from query" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from summary" -l from -d 'From, inclusive: RFC 3339, epoch milliseconds, or an age such as -1h' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from summary" -l to -d 'Until, exclusive' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from summary" -l source -d 'Only this source, such as main:1' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from summary" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from summary" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from summary" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from summary" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from summary" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from summary" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from summary" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from summary" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from summary" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from summary" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from summary" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from tail" -l source -d 'Only this source, such as main:1' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from tail" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from tail" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from tail" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from tail" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from tail" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from tail" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from tail" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from tail" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from tail" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from tail" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand telemetry; and __fish_seen_subcommand_from tail" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and not __fish_seen_subcommand_from render" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and not __fish_seen_subcommand_from render" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and not __fish_seen_subcommand_from render" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and not __fish_seen_subcommand_from render" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and not __fish_seen_subcommand_from render" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and not __fish_seen_subcommand_from render" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and not __fish_seen_subcommand_from render" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and not __fish_seen_subcommand_from render" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and not __fish_seen_subcommand_from render" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and not __fish_seen_subcommand_from render" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and not __fish_seen_subcommand_from render" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and not __fish_seen_subcommand_from render" -f -a "render" -d 'Print what a template gives with values: its defaults with the values over them, held against its schema'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and __fish_seen_subcommand_from render" -l set -d 'A value, such as flow.pressure=120; what reads as JSON is JSON, anything else is text; repeatable' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and __fish_seen_subcommand_from render" -l values -d 'File of values (YAML or JSON), or - for standard input' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and __fish_seen_subcommand_from render" -s f -l file -d 'Take the template from manifests instead of fleetd: file, directory, or - ; repeatable' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and __fish_seen_subcommand_from render" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and __fish_seen_subcommand_from render" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and __fish_seen_subcommand_from render" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and __fish_seen_subcommand_from render" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and __fish_seen_subcommand_from render" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and __fish_seen_subcommand_from render" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and __fish_seen_subcommand_from render" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and __fish_seen_subcommand_from render" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and __fish_seen_subcommand_from render" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and __fish_seen_subcommand_from render" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand template; and __fish_seen_subcommand_from render" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and not __fish_seen_subcommand_from read" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and not __fish_seen_subcommand_from read" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and not __fish_seen_subcommand_from read" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and not __fish_seen_subcommand_from read" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and not __fish_seen_subcommand_from read" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and not __fish_seen_subcommand_from read" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and not __fish_seen_subcommand_from read" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and not __fish_seen_subcommand_from read" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and not __fish_seen_subcommand_from read" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and not __fish_seen_subcommand_from read" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and not __fish_seen_subcommand_from read" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and not __fish_seen_subcommand_from read" -f -a "read" -d 'Read registers once, without storing them'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and __fish_seen_subcommand_from read" -l host -d 'Instead of a device: host name or address, with :port (502 unless said)' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and __fish_seen_subcommand_from read" -l label -d 'A register of the device\'s configuration, read as it says' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and __fish_seen_subcommand_from read" -l address -d 'Wire address, zero-based; 0x… is hexadecimal' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and __fish_seen_subcommand_from read" -l function -d '1 coils, 2 discrete inputs, 3 holding registers, 4 input registers' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and __fish_seen_subcommand_from read" -l count -d 'Values to read, one after the other' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and __fish_seen_subcommand_from read" -l type -d 'How registers are read: uint16, int32, float32, string, …' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and __fish_seen_subcommand_from read" -l registers -d 'Registers of one string or bcd value' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and __fish_seen_subcommand_from read" -l slave -d 'Address of the slave' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and __fish_seen_subcommand_from read" -l bus -d 'Bus of the device\'s configuration' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and __fish_seen_subcommand_from read" -l patience -d 'How long the slave may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and __fish_seen_subcommand_from read" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and __fish_seen_subcommand_from read" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and __fish_seen_subcommand_from read" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and __fish_seen_subcommand_from read" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and __fish_seen_subcommand_from read" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and __fish_seen_subcommand_from read" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and __fish_seen_subcommand_from read" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and __fish_seen_subcommand_from read" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and __fish_seen_subcommand_from read" -l little-bytes -d 'The least significant byte of a register comes first'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and __fish_seen_subcommand_from read" -l little-words -d 'The least significant register comes first'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and __fish_seen_subcommand_from read" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and __fish_seen_subcommand_from read" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand modbus; and __fish_seen_subcommand_from read" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and not __fish_seen_subcommand_from search tail export verify" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and not __fish_seen_subcommand_from search tail export verify" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and not __fish_seen_subcommand_from search tail export verify" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and not __fish_seen_subcommand_from search tail export verify" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and not __fish_seen_subcommand_from search tail export verify" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and not __fish_seen_subcommand_from search tail export verify" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and not __fish_seen_subcommand_from search tail export verify" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and not __fish_seen_subcommand_from search tail export verify" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and not __fish_seen_subcommand_from search tail export verify" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and not __fish_seen_subcommand_from search tail export verify" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and not __fish_seen_subcommand_from search tail export verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and not __fish_seen_subcommand_from search tail export verify" -f -a "search" -d 'Show events, oldest first'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and not __fish_seen_subcommand_from search tail export verify" -f -a "tail" -d 'Show new events as they are written'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and not __fish_seen_subcommand_from search tail export verify" -f -a "export" -d 'Write the whole log with its signed end into a file, for `verify` without fleetd'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and not __fish_seen_subcommand_from search tail export verify" -f -a "verify" -d 'Check that nothing in the log was changed, left out or put in; exit 13 where it was'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from search" -l actor -d 'Whose name contains this' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from search" -l verb -d 'What was done, such as change, login, token.create' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from search" -l object -d 'To what' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from search" -l outcome -d 'done, denied or failed' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from search" -l from -d 'Since then, such as -1h or 2026-01-31T12:00:00Z' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from search" -l to -d 'Until then' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from search" -l limit -d 'The newest so many; 0: all' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from search" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from search" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from search" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from search" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from search" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from search" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from search" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from search" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from search" -s A -l platform -d 'The platform\'s own log, of what belongs to no organization'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from search" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from search" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from search" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from tail" -l actor -d 'Whose name contains this' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from tail" -l verb -d 'What was done, such as change, login, token.create' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from tail" -l object -d 'To what' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from tail" -l outcome -d 'done, denied or failed' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from tail" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from tail" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from tail" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from tail" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from tail" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from tail" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from tail" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from tail" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from tail" -s A -l platform -d 'The platform\'s own log, of what belongs to no organization'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from tail" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from tail" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from tail" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from export" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from export" -s A -l platform -d 'The platform\'s own log'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from export" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from export" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l key -d 'The key that must have signed, as an earlier `verify` or `export` showed it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -s A -l platform -d 'The platform\'s own log'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and not __fish_seen_subcommand_from list tail add" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and not __fish_seen_subcommand_from list tail add" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and not __fish_seen_subcommand_from list tail add" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and not __fish_seen_subcommand_from list tail add" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and not __fish_seen_subcommand_from list tail add" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and not __fish_seen_subcommand_from list tail add" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and not __fish_seen_subcommand_from list tail add" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and not __fish_seen_subcommand_from list tail add" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and not __fish_seen_subcommand_from list tail add" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and not __fish_seen_subcommand_from list tail add" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and not __fish_seen_subcommand_from list tail add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and not __fish_seen_subcommand_from list tail add" -f -a "list" -d 'Show entries, oldest first; 10,000 of an organization are kept, for half a year'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and not __fish_seen_subcommand_from list tail add" -f -a "tail" -d 'Show new entries as they are written'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and not __fish_seen_subcommand_from list tail add" -f -a "add" -d 'Add an entry; with --level help, call for help'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from list" -l level -d 'At least this level' -r -f -a "info\t''
warning\t''
error\t''
help\t''"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from list" -l user -d 'Whose name contains this' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from list" -l action -d 'What happened, such as device.silent, bus.down, help' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from list" -l device -d 'About this device: device/NAME or its uid' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from list" -l text -d 'With this in the message or the details' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from list" -l since -d 'Since then, such as -1h or 2026-01-31T12:00:00Z' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from list" -l until -d 'Until then' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from list" -l limit -d 'The newest so many; 0: all' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from list" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from list" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from list" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from list" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from list" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from list" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from list" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from list" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from list" -s A -l platform -d 'The platform\'s own log, of what belongs to no organization'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from list" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from tail" -l level -d 'At least this level' -r -f -a "info\t''
warning\t''
error\t''
help\t''"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from tail" -l user -d 'Whose name contains this' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from tail" -l action -d 'What happened, such as device.silent, bus.down, help' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from tail" -l device -d 'About this device: device/NAME or its uid' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from tail" -l text -d 'With this in the message or the details' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from tail" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from tail" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from tail" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from tail" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from tail" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from tail" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from tail" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from tail" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from tail" -s A -l platform -d 'The platform\'s own log, of what belongs to no organization'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from tail" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from tail" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from tail" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from add" -l level -d 'How much it matters' -r -f -a "info\t''
warning\t''
error\t''
help\t''"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from add" -l action -d 'What it is about, in a word, such as calibration.failed [default: help for that level, else note]' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from add" -l device -d 'About this device: device/NAME or its uid' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from add" -l site -d 'At this site [default: that of the device, or the only one where you may add]' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from add" -l details -d 'What else there is to say, a JSON object' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from add" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from add" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from add" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from add" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from add" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from add" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from add" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from add" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from add" -s A -l platform -d 'To the platform\'s own log'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from add" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand log; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand login" -l user -d 'Name or mail address' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand login" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand login" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand login" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand login" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand login" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand login" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand login" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand login" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand login" -l password-stdin -d 'Read the password from standard input'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand login" -l code-stdin -d 'Log in with a code of `user qr`, read from standard input'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand login" -l only -d 'Reach only the organization that --org names'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand login" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand login" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand login" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand logout" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand logout" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand logout" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand logout" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand logout" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand logout" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand logout" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand logout" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand logout" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand logout" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand logout" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand setup" -l setup-token -d 'File with the token' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand setup" -l user -d 'Name of the administrator, lower case' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand setup" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand setup" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand setup" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand setup" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand setup" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand setup" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand setup" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand setup" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand setup" -l password-stdin -d 'Read the new password from standard input'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand setup" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand setup" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand setup" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke" -f -a "list" -d 'Show sessions, newest first'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke" -f -a "revoke" -d 'End a session, at once'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and __fish_seen_subcommand_from list" -l user -d 'Of another user' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and __fish_seen_subcommand_from list" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and __fish_seen_subcommand_from list" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and __fish_seen_subcommand_from list" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and __fish_seen_subcommand_from list" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and __fish_seen_subcommand_from list" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and __fish_seen_subcommand_from list" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and __fish_seen_subcommand_from list" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and __fish_seen_subcommand_from list" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and __fish_seen_subcommand_from list" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and not __fish_seen_subcommand_from set-password change-password reset choose-password invite accept qr" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and not __fish_seen_subcommand_from set-password change-password reset choose-password invite accept qr" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and not __fish_seen_subcommand_from set-password change-password reset choose-password invite accept qr" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and not __fish_seen_subcommand_from set-password change-password reset choose-password invite accept qr" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and not __fish_seen_subcommand_from set-password change-password reset choose-password invite accept qr" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and not __fish_seen_subcommand_from set-password change-password reset choose-password invite accept qr" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and not __fish_seen_subcommand_from set-password change-password reset choose-password invite accept qr" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and not __fish_seen_subcommand_from set-password change-password reset choose-password invite accept qr" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and not __fish_seen_subcommand_from set-password change-password reset choose-password invite accept qr" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and not __fish_seen_subcommand_from set-password change-password reset choose-password invite accept qr" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and not __fish_seen_subcommand_from set-password change-password reset choose-password invite accept qr" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and not __fish_seen_subcommand_from set-password change-password reset choose-password invite accept qr" -f -a "set-password" -d 'Give a user a password; the user\'s sessions end'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and not __fish_seen_subcommand_from set-password change-password reset choose-password invite accept qr" -f -a "change-password" -d 'Change your own password; your other sessions end'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and not __fish_seen_subcommand_from set-password change-password reset choose-password invite accept qr" -f -a "reset" -d 'Make a code with which a user chooses a new password; it is shown once'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and not __fish_seen_subcommand_from set-password change-password reset choose-password invite accept qr" -f -a "choose-password" -d 'Choose a new password with a code'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and not __fish_seen_subcommand_from set-password change-password reset choose-password invite accept qr" -f -a "invite" -d 'Make a code with which somebody takes a role in the organization; it is shown once'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and not __fish_seen_subcommand_from set-password change-password reset choose-password invite accept qr" -f -a "accept" -d 'Take up an invitation, and log in'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and not __fish_seen_subcommand_from set-password change-password reset choose-password invite accept qr" -f -a "qr" -d 'Draw a code with which you log in elsewhere, once and within a minute'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from set-password" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from set-password" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from set-password" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from set-password" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from set-password" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from set-password" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from set-password" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from set-password" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from set-password" -l password-stdin -d 'Read the password from standard input'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from set-password" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from set-password" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from set-password" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from change-password" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from change-password" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from change-password" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from change-password" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from change-password" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from change-password" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from change-password" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from change-password" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from change-password" -l password-stdin -d 'Read the present password and the new one, each on a line, from standard input'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from change-password" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from change-password" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from change-password" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from reset" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from reset" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from reset" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from reset" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from reset" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from reset" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from reset" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from reset" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from reset" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from reset" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from reset" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from choose-password" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from choose-password" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from choose-password" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from choose-password" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from choose-password" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from choose-password" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from choose-password" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from choose-password" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from choose-password" -l password-stdin -d 'Read the code and the password, each on a line, from standard input'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from choose-password" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from choose-password" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from choose-password" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from invite" -l role -d 'A built-in role, or one of the organization' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from invite" -l site -d 'At this site; without it, at all sites' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from invite" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from invite" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from invite" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from invite" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from invite" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from invite" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from invite" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from invite" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from invite" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from invite" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from invite" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from accept" -l user -d 'The name to log in by, lower case; whoever has a user already needs none' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from accept" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from accept" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from accept" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from accept" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from accept" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from accept" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from accept" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from accept" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from accept" -l password-stdin -d 'Read the code and the password, each on a line, from standard input'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from accept" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from accept" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from accept" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from qr" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from qr" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from qr" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from qr" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from qr" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from qr" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from qr" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from qr" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from qr" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from qr" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand user; and __fish_seen_subcommand_from qr" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and not __fish_seen_subcommand_from create list revoke" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and not __fish_seen_subcommand_from create list revoke" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and not __fish_seen_subcommand_from create list revoke" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and not __fish_seen_subcommand_from create list revoke" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and not __fish_seen_subcommand_from create list revoke" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and not __fish_seen_subcommand_from create list revoke" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and not __fish_seen_subcommand_from create list revoke" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and not __fish_seen_subcommand_from create list revoke" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and not __fish_seen_subcommand_from create list revoke" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and not __fish_seen_subcommand_from create list revoke" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and not __fish_seen_subcommand_from create list revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and not __fish_seen_subcommand_from create list revoke" -f -a "create" -d 'Make a token; it is shown here and never again'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and not __fish_seen_subcommand_from create list revoke" -f -a "list" -d 'Show tokens, newest first; never the secrets'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and not __fish_seen_subcommand_from create list revoke" -f -a "revoke" -d 'End a token, at once'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from create" -l scope -d 'What it is for, such as telemetry:write or view:device; `fleetctl help permissions` lists them' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from create" -l site -d 'Only at this site' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from create" -l name -d 'What people call it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from create" -l expires -d 'Until when, such as 12h or 90d' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from create" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from create" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from create" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from create" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from create" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from create" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from create" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from create" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from create" -s A -l all-orgs -d 'In every organization, and on the platform'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from create" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from create" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from list" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from list" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from list" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from list" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from list" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from list" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from list" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from list" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from list" -s A -l all-orgs -d 'Those that count in every organization'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from list" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -s A -l all-orgs -d 'One that counts in every organization'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand whoami" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand whoami" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand whoami" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand whoami" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand whoami" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand whoami" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand whoami" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand whoami" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand whoami" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand whoami" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand whoami" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand can-i" -l site -d 'At this site' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand can-i" -l as -d 'Another user' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand can-i" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand can-i" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand can-i" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand can-i" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand can-i" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand can-i" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand can-i" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand can-i" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand can-i" -s A -l all-orgs -d 'On the platform, in no organization'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand can-i" -l explain -d 'Say which roles and bindings allow it'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand can-i" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand can-i" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand can-i" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand server; and not __fish_seen_subcommand_from status" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand server; and not __fish_seen_subcommand_from status" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand server; and not __fish_seen_subcommand_from status" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand server; and not __fish_seen_subcommand_from status" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand server; and not __fish_seen_subcommand_from status" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand server; and not __fish_seen_subcommand_from status" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand server; and not __fish_seen_subcommand_from status" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand server; and not __fish_seen_subcommand_from status" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand server; and not __fish_seen_subcommand_from status" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand server; and not __fish_seen_subcommand_from status" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand server; and not __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand server; and not __fish_seen_subcommand_from status" -f -a "status" -d 'Show version, store, counts, buses'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand server; and __fish_seen_subcommand_from status" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand server; and __fish_seen_subcommand_from status" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand server; and __fish_seen_subcommand_from status" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand server; and __fish_seen_subcommand_from status" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand server; and __fish_seen_subcommand_from status" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand server; and __fish_seen_subcommand_from status" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand server; and __fish_seen_subcommand_from status" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand server; and __fish_seen_subcommand_from status" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand server; and __fish_seen_subcommand_from status" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand server; and __fish_seen_subcommand_from status" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand server; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand version" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand version" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand version" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand version" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand version" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand version" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand version" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand version" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand version" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand version" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand version" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand completion" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand completion" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand completion" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand completion" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand completion" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand completion" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand completion" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand completion" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand completion" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand completion" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand completion" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand help" -l server -d 'Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand help" -l ca -d 'Certificate of the authority that signed fleetd\'s, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand help" -l token-file -d 'File with the token to send; FLEETCTL_TOKEN holds the token itself' -r -F
complete -c fleetctl -n "__fish_fleetctl_using_subcommand help" -l org -d 'Organization; not needed while there is only one, or where manifests name it' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand help" -l env -d 'Environment of fleetctl.yaml' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand help" -s o -l output -d 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand help" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c fleetctl -n "__fish_fleetctl_using_subcommand help" -l timeout -d 'How long an answer may take' -r
complete -c fleetctl -n "__fish_fleetctl_using_subcommand help" -s y -l yes -d 'Do not ask before a destructive act'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand help" -s q -l quiet -d 'Say nothing but data and errors'
complete -c fleetctl -n "__fish_fleetctl_using_subcommand help" -s h -l help -d 'Print help (see more with \'--help\')'
