// The engine as a service of a host, without HTTP: one beginning for two adapters and the bare model, in one batch. Argument: the starter model's folder.
using Lorikeet.Server;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

string starter = args.Length > 0 ? args[0] : "assets/starter";
HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
builder.Services.AddLorikeet(o =>
{
    o.Model = starter;
    o.Adapters = [new("rust", $"{starter}/rust"), new("lua", $"{starter}/lua")];
    // The starter is no chat model: what is asked brings its own template.
    o.RequestTemplates = true;
});
using IHost host = builder.Build();
await host.StartAsync();

IChatClient client = host.Services.GetRequiredService<IChatClient>();
string[] names = ["rust", "lua", "starter"];
ChatResponse[] answers = await Task.WhenAll(names.Select(name => client.GetResponseAsync("return", new ChatOptions
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
