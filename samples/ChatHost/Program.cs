// The engine as a service of a host, without HTTP: one question to two adapters and the bare model, in one batch. Run `./lorikeet demo` first, or name another demo's folder.
using Lorikeet.Server;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

string demo = args.Length > 0 ? args[0] : "runs/demo";
HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
builder.Services.AddLorikeet(o =>
{
    o.Model = $"{demo}/base";
    o.Adapters = [new("psalms", $"{demo}/psalms-lora"), new("satire", $"{demo}/satire-dora")];
    // The demo's base is no chat model: what is asked brings its own template.
    o.RequestTemplates = true;
});
using IHost host = builder.Build();
await host.StartAsync();

IChatClient client = host.Services.GetRequiredService<IChatClient>();
string[] names = ["psalms", "satire", "base"];
ChatResponse[] answers = await Task.WhenAll(names.Select(name => client.GetResponseAsync("The king", new ChatOptions
{
    ModelId = name,
    MaxOutputTokens = 32,
    Temperature = 0.7f,
    Seed = 1,
    AdditionalProperties = new() { ["chat_template"] = "{{ messages[0].content }}" },
})));
foreach ((string name, ChatResponse answer) in names.Zip(answers))
{
    Console.WriteLine($"{name}: {answer.Text}");
}
await host.StopAsync();
